"""How a connection's requests are handled: aiohttp's way, but for what a request that is no HTTP is told, and what a socket keeps.

aiohttp repeats the line that it could not read, in the answer; and that line may hold a token. And it keeps what reads HTTP as long as the
connection lasts; but a visitor's is a WebSocket from its first request on, and there may be a hundred thousand of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.web_request import BaseRequest

__all__ = ["Requests"]


_NO_REQUESTS: Final[deque[Any]] = deque()  #: none comes behind an upgrade; an empty deque takes 600 bytes


class Requests:
    """A factory of protocols, one a connection, for what aiohttp's server answers."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self.freed = 0  #: protocols; one of a connection that ended and is not freed is in a ring, or about to be freed

    def __call__(self) -> web.RequestHandler:
        return _Requests(self, self._server)


class _Requests(web.RequestHandler):
    __slots__ = ("_of",)

    def __init__(self, of: Requests, server: web.Server) -> None:
        self._of = of
        super().__init__(server, loop=asyncio.get_running_loop(), **server._kwargs)

    def __del__(self) -> None:
        self._of.freed += 1

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """From now on frames come: the parser of HTTP is let go, as it is when a connection ends."""
        super().set_parser(parser, data_received_cb)
        self._parser = None
        self._messages = _NO_REQUESTS

    def connection_lost(self, exc: BaseException | None) -> None:
        """What is called as frames come is let go, as the parser is. It refers to the response, that to the request and to this protocol:
        all thirty objects of a socket would be in a ring, which Python's collector has to find (`collecting.py`).
        """
        super().connection_lost(exc)
        self._data_received_cb = None

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer was begun already")
        why = "expected an HTTP request" if status < 500 else "internal error; see the server's log"
        answer = web.json_response({"error": why}, status=status, headers={"X-Content-Type-Options": "nosniff"})
        answer.force_close()
        return answer
