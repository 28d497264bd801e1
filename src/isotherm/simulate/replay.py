"""Recorded events, sent again: JSON lines of the classic event with `timestamp`, by `POST /clickstream` in arrays.

With gaps kept, an event's time is moved to ``now + (its timestamp - the first one's) / speed``, and it is sent when that time has
come. As recorded, times stay as they are and arrays go as fast as the server takes them.

    lines ──> events (each with its time) ──(due)──> arrays ──> posts, some at once ──202──> durable
                                                       ^──── 429, 503, lost connection: the same again after a pause

An array whose answer was lost on the way is sent again and may then count twice: classic events have no number by which a server
could tell. Nothing is read further ahead than a few thousand lines.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote

import aiohttp
import msgspec

from isotherm.certificates import verified
from isotherm.simulate.lines import Lines

__all__ = ["ReplayError", "ReplayReport", "replay"]

_ARRAY_EVENTS_MAX: Final = 1_000  #: the server's limit
_ARRAY_BYTES_MAX: Final = 900_000  #: the server's is 1 MiB
_GATHER_S: Final = 0.1  #: what falls due within goes together
_POSTS_AT_ONCE: Final = 4  #: the server answers once a commit; these fill the time between
_PAUSE_FIRST_S: Final = 0.5
_PAUSE_MAX_S: Final = 15.0
_PATIENCE_S: Final = 600.0  #: one array is tried for so long
_ANSWER_S: Final = 30.0
_TELL_S: Final = 1.0


class ReplayError(Exception):
    """What stopped a replay, in words that name the line where there is one; ``report`` tells how far it came."""

    def __init__(self, message: str, *, line: int | None = None, report: ReplayReport | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
        self.report = report


@dataclass(slots=True)
class ReplayReport:
    seconds: float = 0.0
    lines: int = 0  #: read
    sent: int = 0  #: events that the server said are durable
    posts: int = 0
    retried: int = 0

    def __str__(self) -> str:
        retried = f", {self.retried} posts tried again" if self.retried else ""
        return f"{self.seconds:.0f} s: {self.sent} events sent of {self.lines} lines read, in {self.posts} posts{retried}"


class _Event(NamedTuple):
    line: int
    due_s: float  #: on the monotonic clock
    body: bytes


async def replay(
    lines: AsyncIterator[bytes] | Iterable[bytes],
    *,
    url: str,
    speed: float = 1.0,
    as_recorded: bool = False,
    site: str = "default",
    token: str | None = None,
    on_progress: Callable[[ReplayReport], object] | None = None,
) -> ReplayReport:
    """Sends all of ``lines`` to the server at ``url``. ``on_progress`` gets the (growing) report about each second.

    Raises `ReplayError`. What stands before a line that is no event has been sent then.
    """
    if not (speed > 0 and math.isfinite(speed)):
        raise ReplayError(f"expected a speed above 0, got {speed}")
    report = ReplayReport()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    connector = aiohttp.TCPConnector(ssl=verified())
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as http, Lines(lines) as source:
        posts = _Posts(http, f"{url.rstrip('/')}/clickstream?site={quote(site, safe='')}", report, on_progress)
        reader = _Reader(report, None if as_recorded else speed)
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                await _send_all(source, reader, posts, group)
            failure = reader.failure
        except ExceptionGroup as errors:
            failure = errors.exceptions[0]
        posts.tell(last=True)
    if isinstance(failure, ReplayError):
        failure.report = report
    if failure:
        raise failure
    return report


async def _send_all(source: Lines, reader: _Reader, posts: _Posts, group: asyncio.TaskGroup) -> None:
    waiting: deque[_Event] = deque()
    while True:
        while not waiting:
            if reader.failure or not (read := await source.read(_ARRAY_EVENTS_MAX)):
                return
            waiting.extend(reader.events(read))
        await asyncio.sleep(max(0.0, waiting[0].due_s + _GATHER_S - time.monotonic()))
        now_s = time.monotonic()
        while len(waiting) < _ARRAY_EVENTS_MAX and waiting[-1].due_s <= now_s and (read := source.ready(_ARRAY_EVENTS_MAX)):
            waiting.extend(reader.events(read))
        await posts.room()
        group.create_task(posts.send(_take(waiting, now_s)))


def _take(waiting: deque[_Event], now_s: float) -> list[_Event]:
    """The events that are due, as many as one array may have; at least the first."""
    array = [waiting.popleft()]
    size = len(array[0].body)
    while waiting and len(array) < _ARRAY_EVENTS_MAX and waiting[0].due_s <= now_s:
        size += len(waiting[0].body) + 1
        if size > _ARRAY_BYTES_MAX:
            break
        array.append(waiting.popleft())
    return array


class _Reader:
    """Lines to events, up to the first that is none, its `failure`. ``speed`` is None where times stay as they are."""

    def __init__(self, report: ReplayReport, speed: float | None) -> None:
        self.failure: ReplayError | None = None
        self._report = report
        self._speed = speed
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])  # all other fields go on byte by byte
        self._first_ms: float | None = None
        self._began_s = time.monotonic()
        self._began_ms = time.time() * 1000

    def events(self, lines: Sequence[tuple[int, bytes]]) -> list[_Event]:
        events: list[_Event] = []
        for number, line in lines:
            if self.failure:
                break
            self._report.lines = number
            try:
                if line.strip():
                    events.append(self._event(number, line))
            except ReplayError as error:
                self.failure = error
        return events

    def _event(self, number: int, line: bytes) -> _Event:
        try:
            fields = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ReplayError(f"expected an event as a JSON object: {str(error).lower()}", line=number) from None
        recorded_ms = self._timestamp(number, fields)
        if self._speed is None:
            return _Event(number, self._began_s - _GATHER_S, line.strip())
        if self._first_ms is None:
            self._first_ms = recorded_ms
            self._began_s, self._began_ms = time.monotonic(), time.time() * 1000
        since_ms = (recorded_ms - self._first_ms) / self._speed
        fields["timestamp"] = msgspec.Raw(str(round(self._began_ms + since_ms)).encode())
        return _Event(number, self._began_s + since_ms / 1000, msgspec.json.encode(fields))

    def _timestamp(self, number: int, fields: dict[str, msgspec.Raw]) -> float:
        try:
            return msgspec.json.decode(fields["timestamp"], type=float)
        except KeyError:
            raise ReplayError("expected a `timestamp`, ms since the epoch, got none", line=number) from None
        except msgspec.MsgspecError as error:
            raise ReplayError(f"expected `timestamp` in ms since the epoch: {str(error).lower()}", line=number) from None


class _Posts:
    """The way to the server: some posts at once, each tried until it is durable or refused for good."""

    def __init__(
        self, http: aiohttp.ClientSession, address: str, report: ReplayReport, on_progress: Callable[[ReplayReport], object] | None
    ) -> None:
        self._http = http
        self._address = address
        self._report = report
        self._on_progress = on_progress
        self._slots = asyncio.Semaphore(_POSTS_AT_ONCE)
        self._began_s = self._told_s = time.monotonic()

    async def room(self) -> None:
        """Waits for a slot, which the next `send` gives back."""
        await self._slots.acquire()

    async def send(self, array: list[_Event]) -> None:
        try:
            await self._send(array)
        finally:
            self._slots.release()

    def tell(self, *, last: bool = False) -> None:
        now_s = time.monotonic()
        self._report.seconds = now_s - self._began_s
        if self._on_progress and (last or now_s - self._told_s >= _TELL_S):
            self._told_s = now_s
            self._on_progress(self._report)

    async def _send(self, array: list[_Event]) -> None:
        status, message = await self._post_until_answered(b"[" + b",".join(event.body for event in array) + b"]")
        if status == 202:
            self._report.sent += len(array)
            self.tell()
        elif status not in (413, 422):
            raise ReplayError(f"the server answered {status}: {message}")
        elif len(array) == 1:
            raise ReplayError(f"the server refused it ({status}): {message}", line=array[0].line)
        else:  # nothing of it was taken: halve it until the line is found; what is sound goes through
            middle = len(array) // 2
            await self._send(array[:middle])
            await self._send(array[middle:])

    async def _post_until_answered(self, body: bytes) -> tuple[int, str]:
        pause_s = _PAUSE_FIRST_S
        give_up_s = time.monotonic() + _PATIENCE_S
        while True:
            wait_s = pause_s
            try:
                async with self._http.post(self._address, data=body) as answer:
                    self._report.posts += 1
                    if answer.status != 429 and answer.status < 500:
                        return answer.status, _message(await answer.read())
                    why = f"status {answer.status}: {_message(await answer.read())}"
                    wait_s = _retry_after_s(answer.headers.get("Retry-After")) or pause_s
            except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
                why = f"no connection: {error}"
            if time.monotonic() + wait_s > give_up_s:
                raise ReplayError(f"gave up after {_PATIENCE_S:.0f} s without an answer that counts: {why}")
            self._report.retried += 1
            self.tell()
            await asyncio.sleep(wait_s)
            pause_s = min(_PAUSE_MAX_S, pause_s * 2)


def _message(body: bytes) -> str:
    """What the server says is wrong."""
    try:
        answer = msgspec.json.decode(body)
        return str(answer["error"])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace").strip()


def _retry_after_s(header: str | None) -> float | None:
    """Seconds of a `Retry-After`; the form with a date is not for machines like ours, and counts as none."""
    return min(float(header), _PATIENCE_S) if header and header.isascii() and header.isdigit() else None
