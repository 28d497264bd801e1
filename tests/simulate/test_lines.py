"""Lines from anywhere, a few at a time."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from isotherm.simulate.lines import Lines


async def everything(source: Lines, most: int) -> list[tuple[int, bytes]]:
    lines: list[tuple[int, bytes]] = []
    while read := await source.read(most):
        assert len(read) <= most
        lines += read
    return lines


async def numbers(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield b"%d" % number


@pytest.mark.parametrize("count", [0, 1, 10, 20_000])
async def test_all_lines_come_in_order_with_their_numbers(count: int) -> None:
    expected = [(number + 1, b"%d" % number) for number in range(count)]
    async with Lines(b"%d" % number for number in range(count)) as source:
        assert await everything(source, 300) == expected
    async with Lines(numbers(count)) as source:
        assert await everything(source, 300) == expected


async def test_a_line_of_a_pipe_is_there_before_the_next_is_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", buffering=0) as pen:
        async with Lines(pipe) as source:
            for number in range(5):
                pen.write(b"%d\n" % number)
                assert await source.read(100) == [(number + 1, b"%d\n" % number)]
            pen.close()
            assert await source.read(100) == []


async def test_never_more_than_some_thousand_lines_are_held() -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield b"line"

    async with Lines(endless()) as source:
        taken = 0
        for _read in range(20):
            taken += len(await source.read(1000))
            assert given - taken <= 4002


async def test_what_the_source_raises_is_raised_after_its_last_line() -> None:
    def broken() -> Iterator[bytes]:
        yield b"one"
        raise OSError("the disk is gone")

    async with Lines(broken()) as source:
        assert await source.read(9) == [(1, b"one")]
        with pytest.raises(OSError, match="disk is gone"):
            await source.read(9)


async def test_it_can_be_left_in_the_middle() -> None:
    async with Lines(numbers(100_000)) as source:
        assert await source.read(1)
    await asyncio.sleep(0)
