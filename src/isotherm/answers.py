"""How a request that is refused is answered: a status, and `{"error": …}` with what was expected; the same in every room."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from aiohttp import web

__all__ = ["refused"]


def refused(error: type[web.HTTPError], message: str, headers: Mapping[str, str] | None = None) -> web.HTTPError:
    """The answer, to be raised."""
    return error(text=msgspec.json.encode({"error": message}).decode(), content_type="application/json", headers=headers)
