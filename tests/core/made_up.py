"""Digests and memories that are made up: of what once was right, with right checksums, as a stranger with a hand in the data folder writes them."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import msgspec
import numpy as np

from isotherm.core.digest import Digest
from isotherm.core.digest_bytes import DigestError, Packed, Setting

__all__ = ["made_up_digest", "made_up_memory", "with_column"]

WHOLE = [
    0,
    1,
    -1,
    2,
    5,
    7,
    12,
    25,
    36,
    255,
    256,
    *(sign * 2**bits + more for sign in (1, -1) for bits in (15, 31, 32, 40, 54, 62) for more in (0, -1)),
]
WHOLE += [2**63 - 1, -(2**63)]
FRACTIONS = [0.0, -1.0, float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 5e-324, 2.0**63]
PAGES = ["", "x", "/", "default", "\0/", "default/" + "p" * 5000]


def with_column(digest: Digest, name: str, column: Any, setting: Setting) -> bytes:
    """The digest with another column; one that is `Packed` stays so."""
    packed = column if isinstance(column, Packed) else Packed.of(column)
    return Digest(digest.head, digest.columns | {name: packed}, digest._named, setting).to_bytes()


def _around(values: Any, chance: random.Random) -> Packed:
    """The same numbers or near them, in a column of another type and base: some come round the end of 64 bits once the base is added."""
    base = chance.choice((1, -1)) * (2**63 - 1 - chance.choice((0, 1, 2, 1000, 2**31, 10**6)))
    with np.errstate(over="ignore"):
        wide = values - np.int64(base)
    dtype = chance.choice(("<i8", "<i8", "<i8", "<u4", "<u1"))
    return Packed(wide.astype(dtype), base)


def made_up_digest(content: bytes, setting: Setting, chance: random.Random) -> bytes:
    """With up to three things changed: columns, tables, names."""
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        try:
            digest = Digest.from_bytes(content, setting)
            content = chance.choices((_column, _table, _names), (8, 1, 1))[0](digest, setting, chance)
        except DigestError:
            break  # it is none already
    return content


def _column(digest: Digest, setting: Setting, chance: random.Random) -> bytes:
    name = chance.choice(list(digest.columns))
    fractions = digest.columns[name].values.dtype.kind == "f"
    values = digest.columns[name].wide(dtype=np.float64 if fractions else np.int64)
    value, at = chance.choice(FRACTIONS if fractions else WHOLE), chance.randrange(len(values)) if len(values) else 0
    how = chance.choice(("one", "one", "one", "near", "all", "mixed", "less", "more", "twice", "around"))
    if how == "around" and not fractions:
        if len(values) and chance.random() < 0.7:
            values[at] = value
        return with_column(digest, name, _around(values, chance), setting)
    if how == "more" or not len(values):
        values = np.append(values, values.dtype.type(value))
    elif how == "one":
        values[at] = value
    elif how == "near":
        values[at] += chance.choice((1, -1, 2, -2, 1000, -1000))
    elif how == "all":
        values[:] = value
    elif how == "mixed":
        np.random.default_rng(chance.randrange(2**32)).shuffle(values)
    else:
        values = np.delete(values, at) if how == "less" else np.repeat(values, 2)
    return with_column(digest, name, values, setting)


def _table(digest: Digest, _setting: Setting, chance: random.Random) -> bytes:
    table: list[str] = getattr(digest.head, chance.choice(("pages", "origins", "zones")))
    how = chance.choice(("less", "twice", "other", "turned", "empty", "people"))
    if how == "people":
        digest.head.people = not digest.head.people
    elif how == "turned":
        table.reverse()
    elif how == "other":
        table.insert(0, chance.choice(PAGES))
    elif how == "empty":
        table.clear()
    elif table:
        table[:] = [*table, table[0]] if how == "twice" else table[:-1]
    return digest.to_bytes()


def _names(digest: Digest, _setting: Setting, chance: random.Random) -> bytes:
    tables = digest._named.tables
    names = chance.choice((tables.sessions, tables.loads))
    names[:] = chance.choice(([], names[:-1], [names[0]] * len(names) if names else []))
    return digest.to_bytes()


def made_up_memory(content: bytes, chance: random.Random) -> bytes:
    """With one of its columns changed."""
    magic, written = content[:16], msgspec.msgpack.decode(content[20:])
    at = chance.randrange(len(written))
    column, value = written[at], chance.choice(WHOLE)
    if not isinstance(column, list):
        written[at] = value
    elif at == 5:
        column.append([value, chance.choice(WHOLE), chance.choice(WHOLE), chance.choice((None, [1, 2, value]))])
    elif not column or chance.random() < 0.4:
        written[at] = column[:-1] if chance.random() < 0.5 else column * 2
    else:
        column[chance.randrange(len(column))] = chance.choice(PAGES) if isinstance(column[0], str) else value
    packed = msgspec.msgpack.encode(written)
    return magic + struct.pack("<I", zlib.crc32(packed)) + packed
