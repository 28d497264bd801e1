"""One WebSocket, seen from the server: what is pushed to it is written at once or not at all. No push ever waits.

The rooms push acks, hints and frames from plain functions; how a frame is written is known here alone. A server's frame is a head
of 2 to 10 bytes and the payload (RFC 6455, 5.2), so it goes straight to the transport, past aiohttp's writer, which would build it anew
for every socket: the same payload pushed to many sockets one after the other is put into its frame once, and all transports share these
bytes. What a slow peer leaves unread is bounded by what stands in its transport's buffer; aiohttp's writer, which still answers pings
and says goodbye, is told never to wait for it (`_WRITER_LIMIT`).

    transport ── aiohttp's parser ──┬── at once: a plain function, within the very call that brought the bytes
                                    └── the queue ──▶ `receive`, a turn of the loop and a task's step later

A frame that comes alone costs more on its way through a future, a task and the coroutines in it than what is done with it. So whoever
can take a frame without waiting is asked first; what it does not want, and all that comes while something of before still waits, takes
the library's way, so the order is that of the wire.

Frames to many sockets are sent past their transports too, in one compiled call (`push_each`, `sending.c`), where nothing stands in a
transport's buffer: whatever was written before has gone then, so no order is lost, and what the kernel does not take at once the transport
gets, before anything else is written. A descriptor is its connection's for as long as its transport is not closing; it is closed by the
event loop alone, which is the caller.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from random import getrandbits
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue

_INTERFACE: Final = 2  #: of `sending.c`: one more whenever what it is called with changes

try:
    from isotherm import _sending as compiled
except ImportError:  # no compiler was there: every frame goes through its transport
    compiled = None  # type: ignore[assignment]
else:
    if compiled.INTERFACE != _INTERFACE:  # left behind by an older source tree
        compiled = None  # type: ignore[assignment]

__all__ = ["SUBPROTOCOL", "TOKEN_SUBPROTOCOL", "Socket", "push_each"]

SUBPROTOCOL: Final = "isotherm"  #: what we answer a client that offers subprotocols
TOKEN_SUBPROTOCOL: Final = "token."  #: and a token; offered beside ours, it stands in no address, console or proxy's log

_ENDED: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED})
_TEXT: Final = 0x81  #: the first byte of a whole frame
_BINARY: Final = 0x82
_WRITER_LIMIT: Final = 1 << 62
_HEARTBEAT_S: Final = 25.0  #: below the 30 to 60 s after which routers and proxies drop silent connections

_NO_FILE: Final = -1
_CLOSE_S: Final = 1.0  #: how long a peer may take to say goodbye: a stop takes 5 s in all

AtOnce = Callable[[bytes], bool]  #: takes a frame without waiting; False: it does not, and whoever receives has to


class _Queue(WebSocketDataQueue):
    """The library's queue of messages, past which those go that are taken at once."""

    __slots__ = ("at_once", "failure", "waiting")

    def __init__(self, protocol: Any, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(protocol, limit, loop=loop)
        self.at_once: AtOnce | None = None
        self.waiting = 0  #: messages that `receive` has not done with: nothing may overtake them
        self.failure: Exception | None = None  #: of `at_once`, for `receive` to raise

    def feed_data(self, data: Any, size: int) -> None:
        """Called by the library's parser, which could do nothing with an error."""
        if self.at_once is not None and not self.waiting and (data.type is WSMsgType.TEXT or data.type is WSMsgType.BINARY):
            try:
                if self.at_once(data.data):
                    return
            except Exception as error:
                self.at_once, self.failure = None, error
        self.waiting += 1
        super().feed_data(data, size)


class _Response(web.WebSocketResponse):
    """The library's, with our queue in the place of its own, which it makes when it has answered the upgrade."""

    _queue: _Queue | None = None

    @property
    def _reader(self) -> WebSocketDataQueue | None:
        return self._queue

    @_reader.setter
    def _reader(self, made: WebSocketDataQueue | None) -> None:
        assert made is not None, "the library makes one, once"
        given = made._limit // 2  # it tells twice of what it was given
        self._queue = _Queue(made._protocol, given, asyncio.get_running_loop())

    def _on_data_received(self) -> None:
        """A sign of life: the next ping may wait. The library's own asks for a turn of the loop with each; now and then is enough."""
        late_s = asyncio.get_running_loop().time() + _HEARTBEAT_S - self._heartbeat_when
        if late_s > _HEARTBEAT_S / 25 or self._pong_response_cb is not None:
            self._reset_heartbeat()


class Socket:
    """A connection that was upgraded. `receive` its frames; `push` to it from anywhere in the loop."""

    __slots__ = ("_file", "_response", "_transport", "queued_bytes_max", "too_large")

    def __init__(self, response: _Response, transport: asyncio.Transport, queued_bytes_max: int) -> None:
        self._response = response
        self._transport = transport
        self._file = _file_of(transport)
        self.queued_bytes_max = queued_bytes_max
        self.too_large = False  #: it ended because a frame was

    @classmethod
    async def upgrade(cls, request: web.Request, *, frame_bytes_max: int, queued_bytes_max: int) -> Socket:
        """Answers the upgrade. Frames above `frame_bytes_max` close the connection with code 1009."""
        response = _Response(
            compress=False,  # a compressor a connection costs more than all else we do for it, and can be blown up
            max_msg_size=frame_bytes_max + 1,  # aiohttp refuses from this size on
            heartbeat=_HEARTBEAT_S,
            timeout=_CLOSE_S,
            autoping=False,  # answers to pings are bounded like all else, see `receive`
            decode_text=False,
            protocols=(SUBPROTOCOL,),
            writer_limit=_WRITER_LIMIT,
        )
        await response.prepare(request)
        _share(response)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        # Or the kernel would hold some megabytes more for each peer that does not read.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, queued_bytes_max)
        return cls(response, transport, queued_bytes_max)

    async def receive(self, at_once: AtOnce | None = None) -> AsyncIterator[bytes]:
        """The bytes of each frame, text or binary, until the connection ends, but of those that `at_once` took.

        `at_once` is called as frames come, never after one that it did not take before that one was received and done with. What it
        raises is raised here.
        """
        queue = self._response._queue
        assert queue is not None, "the upgrade was answered"
        queue.at_once = at_once
        while True:  # `async for` over aiohttp's response would be one more coroutine a socket, kept as long as the socket
            message = await self._response.receive()
            if queue.failure is not None:
                raise queue.failure
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                yield message.data
            elif message.type in _ENDED:
                _forget_way(self._response.exception())
                return
            elif message.type is WSMsgType.PING:
                if self._transport.get_write_buffer_size() > self.queued_bytes_max:
                    self.abort()  # it asks and asks and does not listen
                else:
                    await self._response.pong(message.data)
            elif message.type is WSMsgType.ERROR:
                self.too_large = getattr(message.data, "code", None) == WSCloseCode.MESSAGE_TOO_BIG
                _forget_way(message.data)
            queue.waiting -= 1

    @property
    def queued_bytes(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self._transport.get_write_buffer_size()

    @property
    def takes(self) -> bool:
        """Whether the next frame is written: the connection is there, and not too much is queued."""
        gone = self._response.closed or self._transport.is_closing()
        return not gone and self._transport.get_write_buffer_size() <= self.queued_bytes_max

    def push(self, data: str | bytes) -> bool:
        """Writes one frame. False, and nothing is written: the connection is gone, or too much is queued."""
        if self._response.closed or self._transport.get_write_buffer_size() > self.queued_bytes_max:
            return False
        if self._transport.is_closing():
            return False
        self._transport.write(_framed(data))
        return True

    def write(self, data: bytes) -> None:
        """The rest of a frame whose beginning was sent past the transport."""
        self._transport.write(data)

    def push_all(self, several: Sequence[str | bytes]) -> bool:
        """The same for several frames, by one write."""
        if self._response.closed or self._transport.get_write_buffer_size() > self.queued_bytes_max or self._transport.is_closing():
            return False
        self._transport.write(b"".join(map(_frame_of, several)))
        return True

    def abort(self) -> None:
        """Drops the connection without a word: for a peer that does not read."""
        self._transport.abort()

    def deafen(self) -> None:
        """Nothing is taken at once from now on: whoever would take it is gone."""
        if self._response._queue is not None:
            self._response._queue.at_once = None

    async def close(self, code: int, reason: str) -> None:
        self.deafen()
        # to drain would be to wait for a peer that does not read, as long as it likes
        await self._response.close(code=code, message=reason.encode(), drain=False)
        _forget_way(self._response.exception())
        if self._transport.get_write_buffer_size():
            self._transport.abort()

    @property
    def response(self) -> web.WebSocketResponse:
        """What the endpoint hands back to the server."""
        return self._response


def _forget_way(error: BaseException | None) -> None:
    """Lets go of the calls that an error, kept by the library, came through: their frames refer to who keeps it. Such a ring would hold all
    of a connection until Python's collector has looked at everything.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def push_each(sockets: Sequence[Socket], payloads: Sequence[str | bytes]) -> list[bool]:
    """To each socket the payload beside it. Returns what each `push` would."""
    if compiled is None:
        return [one.push(payload) for one, payload in zip(sockets, payloads, strict=True)]
    taken = [True] * len(sockets)
    files = [
        _NO_FILE if (to := one._transport).get_write_buffer_size() or to.is_closing() or one._response._closed else one._file
        for one in sockets
    ]
    frames = _all_framed(payloads)
    for place, sent in reversed(compiled.send_each(files, frames)):
        if files[place] < 0:
            taken[place] = sockets[place].push(payloads[place])
        else:
            sockets[place].write(frames[place][sent:])
    return taken


def _file_of(transport: asyncio.Transport) -> int:
    """A transport that encrypts has a descriptor as well, but what it says there is not what it is given."""
    if transport.get_extra_info("sslcontext") is not None:
        return _NO_FILE
    file: int = transport.get_extra_info("socket").fileno()
    return file


class _Compressing:
    """What each of aiohttp's writers has for compressing, or for a client: none of ours does either, and all share these."""

    lock: Final = asyncio.Lock()
    tasks: Final[set[asyncio.Task[None]]] = set()
    random_bits: Final = partial(getrandbits, 32)


def _share(response: web.WebSocketResponse) -> None:
    writer = response._writer
    assert writer is not None, "the upgrade was answered"
    writer._send_lock, writer._background_tasks = _Compressing.lock, _Compressing.tasks
    writer.get_random_bits = _Compressing.random_bits


class _Newest:
    """The newest payload, and its frame."""

    payload: str | bytes = b""
    frame: bytes = bytes((_BINARY, 0))


def _framed(payload: str | bytes) -> bytes:
    """The payload in its frame. Asked for the same object again, the same bytes."""
    if payload is not _Newest.payload:
        _Newest.payload, _Newest.frame = payload, _frame_of(payload)
    return _Newest.frame


def _all_framed(payloads: Sequence[str | bytes]) -> list[bytes]:
    """Each in its frame; the same object one after the other is framed once."""
    frames: list[bytes] = []
    newest, frame = None, b""
    for payload in payloads:
        if payload is not newest:
            newest, frame = payload, _framed(payload)
        frames.append(frame)
    return frames


def _frame_of(payload: str | bytes) -> bytes:
    data = payload.encode() if isinstance(payload, str) else payload
    return _head(_TEXT if isinstance(payload, str) else _BINARY, len(data)) + data


def _head(first: int, size: int) -> bytes:
    if size < 126:
        return bytes((first, size))
    return struct.pack(">BBH", first, 126, size) if size < 1 << 16 else struct.pack(">BBQ", first, 127, size)
