"""Frames that are taken before the library sees them: what is heard is what the library alone would have heard."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import WSMsgType
from aiohttp._websocket.reader_py import WebSocketDataQueue, WebSocketReader

from isotherm.receiving import Ahead, walked
from isotherm.sockets import compiled
from tests.trust.raw_socket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

_MOST = 70_000


class Library(asyncio.Protocol):
    """The library's parser, and what came of it."""

    def __init__(self, hear: Callable[[Any], None]) -> None:
        queue: Any = WebSocketDataQueue(Any, 1 << 30, loop=None)  # type: ignore[arg-type]
        queue.feed_data = lambda message, _size: hear((message.type, message.data))
        queue.set_exception = lambda error, *_: hear(repr(error))
        self.reader = WebSocketReader(queue, _MOST + 1, compress=False, decode_text=False)
        self.read = 0

    def data_received(self, data: bytes) -> None:
        self.read += len(data)
        self.reader.feed_data(data)


def _frames(chance: random.Random) -> list[bytes]:
    """Mostly what trackers send."""
    strange = [
        lambda: frame(PING, b"p"),
        lambda: frame(PONG),
        lambda: frame(TEXT, b"in ", fin=False) + frame(PING) + frame(CONTINUATION, b"parts"),
        lambda: frame(TEXT, chance.randbytes(chance.choice([126, 127, 65_535, 65_536, _MOST]))),
        lambda: b"\x81\x03abc",  # no mask
        lambda: b"\x81\xfe\x00\x01" + bytes(4) + b"x",  # a longer head than it needs
        lambda: frame(CONTINUATION, b"of nothing"),
        lambda: frame(TEXT, b"rsv", rsv=4),
        lambda: frame(TEXT, length=_MOST + 1),
        lambda: frame(TEXT, length=1 << 63),
        lambda: frame(CLOSE, b"\x03\xe8"),
        lambda: frame(7, b"of no kind"),
    ]
    some = chance.sample(strange, chance.choice([0, 1, 1, 2, 3]))
    made = []
    for _ in range(chance.randrange(1, 30)):
        if some and chance.random() < 0.2:
            made.append(chance.choice(some)())
        else:
            made.append(frame(chance.choice([TEXT, BINARY]), chance.randbytes(chance.choice([0, 1, 5, 125, 200]))))
    return made


def _cut(chance: random.Random, frames: list[bytes]) -> list[bytes]:
    """As the kernel may hand them over: one by one, some together, or cut anywhere."""
    parts: list[bytes] = []
    at = 0
    while at < len(frames):
        several = chance.choice([1, 1, 1, 2, 5])
        whole = b"".join(frames[at : at + several])
        at += several
        cuts = sorted(chance.randrange(len(whole) + 1) for _ in range(chance.choice([0, 0, 0, 1, 3])))
        parts += [part for part in (whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)) if part]
    return parts


@pytest.mark.skipif(compiled is None, reason="without it all goes through the library")
@pytest.mark.parametrize("seed", range(10))
def test_what_is_heard_is_what_the_library_alone_would_have_heard(seed: int) -> None:
    """Whatever comes, cut anywhere, and whatever of it is taken at once: the same messages, in the order of the wire."""
    chance, ahead_of_library = random.Random(seed), 0
    for _ in range(60):
        expected: list[Any] = []
        heard: list[Any] = []
        alone, behind = Library(expected.append), Library(heard.append)

        def take(payloads: list[bytes], heard: list[Any] = heard) -> int:
            number = chance.choice([len(payloads)] * 3 + [0, len(payloads) // 2])
            heard.extend((None, payload) for payload in payloads[:number])
            return number

        ahead, parts = Ahead(behind, _MOST, compiled.payloads, take), _cut(chance, _frames(chance))
        for part in parts:
            alone.data_received(part)
            ahead.data_received(part)
        of_data = (WSMsgType.TEXT, WSMsgType.BINARY)
        assert [(one[0] in of_data, one[1]) if isinstance(one, tuple) else one for one in expected] == [
            (one[0] is None or one[0] in of_data, one[1]) if isinstance(one, tuple) else one for one in heard
        ]
        ahead_of_library += alone.read - behind.read
    assert ahead_of_library > 10_000


def test_where_a_frame_ends_is_told_from_heads() -> None:
    """Cut anywhere but in a head, what is still to come is known; where it is cut there, or something is wrong, nothing ever is."""
    for payload in (b"", b"x", bytes(125), bytes(126), bytes(65_535), bytes(65_536)):
        one = frame(TEXT, payload)
        head, two = len(one) - len(payload) - 4, one + frame(PING) + one
        for cut in [*range(head + 8), len(one), len(one) + 1, len(one) + 2, len(two) - 1, len(two)]:
            if cut > len(two):
                continue
            within_a_head = 0 < cut < head or cut == len(one) + 1
            rest = walked(0, two[:cut], _MOST)
            assert (rest < 0) == within_a_head, cut
            assert walked(rest, two[cut:], _MOST) == (rest if within_a_head else 0), cut
    for wrong in (frame(TEXT, b"a", fin=False), frame(CONTINUATION), frame(TEXT, rsv=1), frame(CLOSE), frame(PING, bytes(126))):
        assert walked(0, wrong, _MOST) < 0
    assert walked(0, frame(TEXT, length=_MOST + 1), _MOST) < 0
