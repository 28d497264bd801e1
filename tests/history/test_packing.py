"""What is packed comes back as it was."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.people import Marks
from isotherm.core.rollup import Contents
from isotherm.history.packing import pack_counts, pack_marks, unpack_contents

counts = st.dictionaries(st.integers(0, 2**40), st.integers(1, 2**40), max_size=40)
marks = st.sets(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=60)


@given(counts, marks, st.integers(0, 31))
def test_a_bucket_comes_back_as_it_was(counted: dict[int, int], seen: set[tuple[int, int]], level: int) -> None:
    """Whatever the widths of its columns, an empty one too."""
    cells = sorted(counted)
    made = Contents(
        np.array(cells, np.int64),
        np.array([counted[cell] for cell in cells], np.int64),
        Marks(np.array(sorted(session << 32 | cell for session, cell in seen), np.uint64), level),
    )
    found = unpack_contents(pack_counts(made), pack_marks(made.marks))
    assert found.cells.tolist() == made.cells.tolist()
    assert found.counts.tolist() == made.counts.tolist()
    assert found.marks.marks.tolist() == made.marks.marks.tolist()
    assert found.marks.level == (level if seen else 0)


def test_what_earlier_releases_wrote_is_read() -> None:
    """Their blocks have each element's bytes together."""
    block = struct.pack("<BBI2H2I", 2, 4, 2, 7, 300, 70_000, 1)
    people = b"\x03" + struct.pack("<BBI2I2B", 4, 1, 2, 5, 6, 2, 1) + struct.pack("<BBI3H", 2, 0, 3, 1, 299, 4)
    found = unpack_contents(zlib.compress(block), zlib.compress(people))
    assert (found.cells.tolist(), found.counts.tolist()) == ([7, 307], [70_000, 1])
    assert found.marks.marks.tolist() == [5 << 32 | 1, 5 << 32 | 300, 11 << 32 | 4]
    assert found.marks.level == 3
