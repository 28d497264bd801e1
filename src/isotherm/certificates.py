"""Certificates: those of the system, which tell whether another server is who it says, are read when one is first asked for.

aiohttp reads them twice at its import, for its clients, whoever needs it only to serve: some 55 ms of a start. So the commands import it
with `unread`: its own contexts then trust nobody, and a connection that forgets to bring `verified` is refused. Every client session of
ours brings it.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

__all__ = ["unread", "verified"]

_READS: Final = "set_default_verify_paths"


@lru_cache(maxsize=1)
def verified() -> ssl.SSLContext:
    """Connects to those alone whom the system's certificates vouch for, under the name that was asked for. Blocks the first time."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@contextlib.contextmanager
def unread() -> Iterator[None]:
    """Within it contexts are made without the system's certificates: they trust nobody, unless they are given others. For imports."""
    setattr(ssl.SSLContext, _READS, lambda _context: None)  # stands before the method of the class that it is made from
    try:
        yield
    finally:
        delattr(ssl.SSLContext, _READS)
