"""A start from digests: what is remembered is what the records say, wherever a memory beside the digests helps, and where one is missing."""

from __future__ import annotations

import gc
import logging
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from isotherm.core.digest import Digest
from isotherm.core.digest_bytes import BEGIN_BYTES
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.pages import Page
from isotherm.core.recollection import Recollection
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.samples import Runs, Samples
from isotherm.core.sites import Sites
from isotherm.log import Digests, Log
from isotherm.runtimes import digesting
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.digesting import Digesting
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import PipelineSettings

END_MS = 1_700_000_000_000
WAIT_MS = 2_500  #: between records
RECORDS = 120


def record(number: int, taken_ms: int) -> Samples:
    """Of three of ten sessions a batch each, now and then one that was there before, or one ahead of its turn."""
    who = [(number + step) % 10 for step in range(3)]
    seqs = [number // 10 + 2 * (number % 7 == step) - (number % 11 == step) for step in range(3)]
    runs = Runs(
        np.array([0, 1, 0]), np.arange(3), np.zeros(3, np.int64), np.arange(3), np.maximum(seqs, 0), np.full(3, 100.0), np.full(3, 100.0),
        np.ones(3, np.int64),
    )  # fmt: skip
    names = [f"session-{one}" for one in who], [f"load-{one}" for one in who]
    pages = [Page("default", "/a"), Page("default", f"/{number % 3}")]
    at = np.full(3, float(number % 100))
    return Samples(taken_ms, pages, [None, None], *names, runs, np.full(3, taken_ms), at, at, np.zeros(3, np.uint8), ["move"])


async def past(data: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recollection, int]:
    """A log with its digests, and memories beside two of them; what is remembered at its end, and how many samples count."""
    monkeypatch.setattr(digesting, "RECOLLECT_MS", 60_000)
    data.mkdir(exist_ok=True)
    log, group_by, thread, counted = Log(data / "log.sqlite"), GroupBy(grid_size=50, hop_ms=250), ThreadPoolExecutor(1), 0
    kept = Digesting(PipelineSettings(data, retention=None), log, group_by, lambda: None)
    for number in range(RECORDS):
        taken_ms = END_MS - (RECORDS - number) * WAIT_MS
        samples = record(number, taken_ms)
        counts = group_by.group(samples)
        offset = log.append(taken_ms, encode(samples_to_record(samples)))
        counted += int(counts.count.sum())
        kept.add(group_by.newest, counts, offset, offset, taken_ms, log.newest_checksum)
        if number % 8 == 7 and number < RECORDS - 10:
            await kept.cut(thread)
    kept.close()
    log.close()
    thread.shutdown()
    recollection = group_by.recollection()
    assert recollection is not None
    return recollection, counted


def started(data: Path) -> tuple[Recollection | None, int]:
    """The same of a process that starts there."""
    one = Embedded(PipelineSettings(data, retention=None), Sites())
    one.clock = Clock(10_000, wall_s=lambda: END_MS / 1000, monotonic_s=lambda: 0.0)
    one.open()
    counts = sum(int(one.source.whole(View(page, "move", "all")).counts.sum()) for page in one.source.keys)
    assert one._log is not None
    one._log.close()
    one._lock.close()
    return one._group_by.recollection(), counts


def without_names(digest: bytes) -> bytes:
    """The same, with a right checksum, but for the names of sessions and loads: these are no JSON."""
    begin = digest.index(b'{"sessions"')
    length = struct.unpack_from("<I", digest, BEGIN_BYTES - 4)[0]
    changed = digest[20:begin] + b"[" + digest[begin + 1 : length]
    return digest[:16] + struct.pack("<I", zlib.crc32(changed)) + changed + digest[length:]


@pytest.mark.parametrize("harm", ["none", "no memory", "memory damaged", "memories damaged", "first digest", "digest before", "digest with it", "names"])
async def test_all_is_remembered(harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The same repeats are known, the same sessions are there, and the same samples count, whichever file is missing or damaged."""
    data = tmp_path / "data"
    expected, counted = await past(data, monkeypatch)
    files = Digests(data / "digest")
    remembered, digests = files.remembered(), files.stored()
    assert len(remembered) == 2
    folder = data / "digest"
    memories = [folder / (one.name + ".memory") for one in remembered]
    at = digests.index(remembered[0])
    assert at > 4
    harmed = {
        "none": [],
        "no memory": memories,
        "memory damaged": memories[:1],
        "memories damaged": memories,
        "first digest": [folder / digests[0].name],
        "digest before": [folder / digests[at - 2].name],
        "digest with it": [folder / digests[at].name],
        "names": [*memories, folder / digests[2].name],
    }[harm]
    for path in harmed:
        if harm == "names" and path not in memories:
            path.write_bytes(without_names(path.read_bytes()))
        elif "damaged" in harm:
            path.write_bytes(path.read_bytes()[:-1])
        else:
            path.unlink()
    met = 0

    def counting(self: GroupBy, batches: Samples) -> None:
        nonlocal met
        met += 1
        recall(self, batches)

    recall = GroupBy.recall
    monkeypatch.setattr(GroupBy, "recall", counting)
    with caplog.at_level(logging.WARNING):
        found, found_counted = started(data)
    assert found is not None
    assert found_counted == counted
    assert (dict(found.young), found.where) == (dict(expected.young), expected.where)
    assert not found.old
    assert ("is left out" in caplog.text) == ("damaged" in harm)
    assert ("digest does not tell them" in caplog.text) == (harm == "names")
    after = len(digests) - 1 - at
    all_there = len(digests) - ("digest" in harm)
    assert met == {"none": after, "memory damaged": len(digests) - 1 - digests.index(remembered[1]), "names": len(digests) + 7}.get(harm, all_there)


async def test_digests_before_a_memory_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is met, of all that were passed only the newest few are there: those whose clicks may be asked for, without their counts."""
    await past(tmp_path, monkeypatch)
    held: list[Digest] = []

    def noted(self: GroupBy, recollection: Recollection) -> None:
        held.extend(one for one in gc.get_objects() if isinstance(one, Digest))
        restore(self, recollection)

    restore = GroupBy.restore
    monkeypatch.setattr(GroupBy, "restore", noted)
    started(tmp_path)
    of_them = sorted((one for one in held if one.arrived_ms >= END_MS - RECORDS * WAIT_MS), key=lambda one: one.arrived_ms)
    assert 1 <= len(of_them) <= 4
    assert sum("row.tile" in one.columns for one in of_them) <= 1  # the one that is being met


async def test_what_was_erased_is_not_written_down_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After something was rewritten in the log no memory is kept, until all that is remembered now is forgotten."""
    data = tmp_path / "data"
    await past(data, monkeypatch)
    log, group_by, thread = Log(data / "log.sqlite"), GroupBy(grid_size=50, hop_ms=250), ThreadPoolExecutor(1)
    kept, files = Digesting(PipelineSettings(data, retention=None), log, group_by, lambda: None), Digests(data / "digest")

    async def cut(taken_ms: int) -> int:
        samples = record(0, taken_ms)
        counts = group_by.group(samples)
        offset = log.append(taken_ms, encode(samples_to_record(samples)))
        kept.add(group_by.newest, counts, offset, offset, taken_ms, log.newest_checksum)
        await kept.cut(thread)
        return len(files.remembered())

    files.erase()
    assert files.remembered() == files.stored() == []
    log.begin_generation()
    assert await cut(END_MS) == 0  # it was counted before
    assert await cut(END_MS + 1_000) == 0
    assert files.stored()
    assert await cut(END_MS + digesting.FORGOTTEN_MS) == 0
    assert await cut(END_MS + 1_000 + digesting.FORGOTTEN_MS) == 1
    kept.close()
    log.close()
    thread.shutdown()
