"""How a connection's requests are handled: aiohttp's way, but for what a request that is no HTTP is told.

aiohttp repeats the line that it could not read, in the answer; and that line may hold a token.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.web_request import BaseRequest

__all__ = ["requests_of"]


class _Requests(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was begun already")
        why = "expected an HTTP request" if status < 500 else "internal error; see the server's log"
        answer = web.json_response({"error": why}, status=status, headers={"X-Content-Type-Options": "nosniff"})
        answer.force_close()
        return answer


def requests_of(server: web.Server) -> web.RequestHandler:
    """The protocol of one connection."""
    return _Requests(server, loop=asyncio.get_running_loop(), **server._kwargs)
