"""One WebSocket, seen from the server: what is pushed to it is written at once or not at all. No push ever waits.

The rooms push acks, hints and frames from plain functions; how a stack writes a frame is known here alone. aiohttp's writer
is told never to wait for a slow peer (`WRITER_LIMIT`), so that its coroutine ends without a pause, and can be run
on the spot; what a slow peer leaves unread is bounded here instead, by what stands in the transport's buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import ClientConnectionResetError, WSMsgType, web

__all__ = ["Socket"]

WRITER_LIMIT: Final = 1 << 62
_HEARTBEAT_S: Final = 25.0  #: below the 30 to 60 s after which routers and proxies drop silent connections

_CLOSE_S: Final = 1.0  #: how long a peer may take to say goodbye: a stop takes 5 s in all


class Socket:
    """A connection that was upgraded. `receive` its frames; `push` to it from anywhere in the loop."""

    __slots__ = ("_response", "_transport", "queued_bytes_max")

    def __init__(self, response: web.WebSocketResponse, transport: asyncio.Transport, queued_bytes_max: int) -> None:
        self._response = response
        self._transport = transport
        self.queued_bytes_max = queued_bytes_max

    @classmethod
    async def upgrade(cls, request: web.Request, *, frame_bytes_max: int, queued_bytes_max: int) -> Socket:
        """Answers the upgrade. Frames above `frame_bytes_max` close the connection with code 1009."""
        response = web.WebSocketResponse(
            compress=False,  # a compressor a connection costs more than all else we do for it, and can be blown up
            max_msg_size=frame_bytes_max + 1,  # aiohttp refuses from this size on
            heartbeat=_HEARTBEAT_S,
            timeout=_CLOSE_S,
            autoping=False,  # answers to pings are bounded like all else, see `receive`
            decode_text=False,
            writer_limit=WRITER_LIMIT,
        )
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        return cls(response, transport, queued_bytes_max)

    async def receive(self) -> AsyncIterator[bytes]:
        """The bytes of each frame, text or binary, until the connection ends."""
        async for message in self._response:
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                yield message.data
            elif message.type is WSMsgType.PING:
                if self._transport.get_write_buffer_size() > self.queued_bytes_max:
                    self.abort()  # it asks and asks and does not listen
                else:
                    await self._response.pong(message.data)

    @property
    def queued_bytes(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self._transport.get_write_buffer_size()

    def push(self, data: str | bytes) -> bool:
        """Writes one frame. False, and nothing is written: the connection is gone, or too much is queued."""
        if self._response.closed or self._transport.get_write_buffer_size() > self.queued_bytes_max:
            return False
        sending = self._response.send_str(data) if isinstance(data, str) else self._response.send_bytes(data)
        try:
            sending.send(None)
        except StopIteration:
            return True
        except (ClientConnectionResetError, ConnectionResetError):
            return False
        sending.close()
        raise AssertionError("the writer waited: it was built without WRITER_LIMIT")

    def abort(self) -> None:
        """Drops the connection without a word: for a peer that does not read."""
        self._transport.abort()

    async def close(self, code: int, reason: str) -> None:
        await self._response.close(code=code, message=reason.encode())

    @property
    def response(self) -> web.WebSocketResponse:
        """What the endpoint hands back to the server."""
        return self._response
