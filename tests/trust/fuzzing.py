"""A mutator over a corpus: what once was well formed, cut, doubled, spliced and sprinkled with what decoders trip over."""

from __future__ import annotations

import random
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
_SPICES = [
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\\ud800", b"\\u0000", b"null", b"true", b"NaN", b"Infinity", b"-Infinity", b"1e309", b"-0", b"-1",
    b"0.5", b"9007199254740993", b"18446744073709551616", b"1" * 400, b"[]", b"{}", b'""', b"[" * 500, b'{"v":', b'"v":1,', b'"type":"click",', b'"<B"', b'"<I/////w=="',
    b'"<f"', b'"<dAAAAAAAA8H8="', b'"<HAAA"', b'"<BA', b"%2F", b"%00", b"%", b"?", b"#", b"/../", b"/" * 300, b",", b":", b'"', b"\\", b"\n",
]  # fmt: skip


def corpus(decoder: str) -> list[bytes]:
    """The messages that are kept for a decoder."""
    return [path.read_bytes() for path in sorted((CORPUS / decoder).iterdir())]


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds, changed in one to eight places."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((1, 2, 8, 64, 1000)))
        match chance.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                del data[at:end]
            case 2:
                data[at:at] = data[at:end]
            case 3:
                data[at:end] = chance.choice(_SPICES)
            case 4:
                data[at:at] = chance.choice(_SPICES)
            case 5:
                other = chance.choice(seeds)
                cut = chance.randint(0, len(other))
                data[at:] = other[cut:]
            case _:
                data[at:end] = chance.randbytes(end - at)
    return bytes(data)
