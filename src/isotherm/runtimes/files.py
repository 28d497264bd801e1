"""Static files from memory: each is read and compressed once, at the start, and revalidated by its hash.

Our scripts are served as they are written, but for what their documentation takes: a third of their compressed bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web

__all__ = ["Files", "takes", "without_documentation"]

_COMPRESSED: Final = frozenset({".js", ".css", ".html", ".svg", ".json"})
_NOT_SERVED: Final = (".ts", ".py", ".pyc", ".md")
_VENDOR: Final = "vendor"  #: folders of others' scripts, which stay as they are
_DOCUMENTATION: Final = re.compile(r"^[ \t]*/\*\*(?:(?!\*/)[\s\S])*\*/[ \t]*$", re.MULTILINE)
_ENCODING: Final = re.compile(r"([\w*-]+)\s*(?:;\s*q\s*=\s*([\d.]+))?")
_TERMS: Final = re.compile("licen[cs]e|apache|copyright", re.IGNORECASE)


def without_documentation(script: str) -> str:
    """The same script without its JSDoc blocks that have lines of their own, each line where it was; terms of use stay."""
    return _DOCUMENTATION.sub(lambda block: block[0] if _TERMS.search(block[0]) else "\n" * block[0].count("\n"), script)


def takes(request: web.Request, encoding: str) -> bool:
    """Whether a client named the encoding in ``Accept-Encoding``, and not with a weight of 0, which is to refuse it."""
    named = ((found[1], found[2] or "1") for found in _ENCODING.finditer(request.headers.get("Accept-Encoding", "")))
    return any(name.lower() == encoding and weight.strip("0.") != "" for name, weight in named)


class _File(NamedTuple):
    body: bytes
    compressed: bytes | None
    content_type: str
    tag: str


class Files:
    """A folder's files, by their path in it. What was not there at the start is not found."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix not in _NOT_SERVED
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers for an address that ends in ``{path}``."""
        return self.answer(request, request.match_info["path"])

    def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        file = self._files.get(path)
        if file is None:
            raise web.HTTPNotFound
        headers = {"ETag": f'"{file.tag}"', "Vary": "Accept-Encoding"}
        if any(tag.value == file.tag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        body = file.body
        if file.compressed is not None and takes(request, "gzip"):
            body = file.compressed
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers | {"Content-Type": file.content_type})


def _read(path: Path) -> _File:
    body = path.read_bytes()
    if path.suffix == ".js" and _VENDOR not in path.parts:
        body = without_documentation(body.decode()).encode()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = path.suffix in _COMPRESSED
    return _File(
        body,
        gzip.compress(body, 9, mtime=0) if text else None,
        f"{kind}; charset=utf-8" if text else kind,
        hashlib.sha256(body).hexdigest()[:32],
    )
