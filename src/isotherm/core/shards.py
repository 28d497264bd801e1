"""Shards: a session always goes the same way, so that one place knows all that it sent. Samples of many sessions are parted here.

A shard's number is the CRC-32 of the session's id modulo the number of shards: the same in every process and release.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

import numpy as np

from isotherm.core.samples import Samples, part_of

__all__ = ["PART_SAMPLES_MAX", "shard_of", "split"]

PART_SAMPLES_MAX: Final = 16_000  #: of one part: some 200 KB as a record, well below the megabyte that brokers take
_PART_RUNS_MAX: Final = 256  #: whose paths and ids are at most 2.3 KB each


def shard_of(session: str, shards: int) -> int:
    """The shard of a session."""
    return crc32(session.encode()) % shards


def split(samples: Samples, shards: int) -> list[tuple[int, Samples]]:
    """The samples parted by their sessions' shards, runs in their order; large parts are cut in several."""
    if not len(samples.runs):
        return []
    of_session = np.array([shard_of(session, shards) for session in samples.sessions], np.intp)
    shard = of_session[samples.runs.session]
    starts = np.cumsum(samples.runs.size) - samples.runs.size
    parts = []
    for number in np.unique(shard).tolist():
        for rows in _pieces(np.flatnonzero(shard == number), samples):
            parts.append((number, _part(samples, rows, starts)))
    return parts


def _pieces(rows: np.ndarray, samples: Samples) -> list[np.ndarray]:
    cuts, held, runs = [], 0, 0
    for at, size in enumerate(samples.runs.size[rows].tolist()):
        if runs and (held + size > PART_SAMPLES_MAX or runs == _PART_RUNS_MAX):
            cuts.append(at)
            held = runs = 0
        held += size
        runs += 1
    return np.split(rows, cuts)


def _part(samples: Samples, rows: np.ndarray, starts: np.ndarray) -> Samples:
    """Those runs and their samples."""
    size = samples.runs.size[rows]
    chosen = np.repeat(starts[rows] - (np.cumsum(size) - size), size) + np.arange(int(size.sum()))
    return part_of(samples, rows, size, chosen)
