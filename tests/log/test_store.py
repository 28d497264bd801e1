"""The log: what it acknowledged is there again, whatever happened to its files; and what is not, it says."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isotherm.log import Log, LogError
from isotherm.log.salvage import checksum
from isotherm.log.wal import PAGE_BYTES, read_wal, wal_of

PAGE_OF_FORMAT = range(60, 64)  #: where a file's header tells the format: one of its four bytes
RECORDS = 120


def records(number: int = RECORDS, seed: int = 1) -> list[tuple[int, bytes]]:
    """Records of all lengths: many on a page, one on many pages, an empty one."""
    chance = random.Random(seed)
    return [(1_000 + at, chance.randbytes(chance.choice((0, 1, 90, 300, 2000, 4061, 4070, 9000, 30_000)))) for at in range(number)]


def write(path: Path, content: list[tuple[int, bytes]]) -> None:
    with closing(Log(path)) as log:
        for time_ms, value in content:
            log.append(time_ms, value)


def copied(path: Path, to: Path) -> Path:
    """The log's files as a power cut would leave them: with the write-ahead log, if there is one."""
    to.mkdir(exist_ok=True)
    for old in to.iterdir():
        old.unlink()
    shutil.copyfile(path, to / path.name)
    if wal_of(path).exists():
        shutil.copyfile(wal_of(path), to / wal_of(path).name)
    return to / path.name


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that was killed: a part of it in the file, a part in the write-ahead log."""
    folder = tmp_path_factory.mktemp("crashed")
    log = Log(folder / "open.sqlite")
    for at, (time_ms, value) in enumerate(records()):
        log.append(time_ms, value)
        if at == RECORDS // 2:
            log._database.execute("PRAGMA wal_checkpoint(RESTART)")
    found = copied(log.path, folder / "copy")
    log.close()
    return found


def read(path: Path) -> tuple[dict[int, tuple[int, bytes]], Log]:
    """What a log gives after its start."""
    log = Log(path)
    with closing(log):
        found = {offset: (time_ms, value) for offset, time_ms, value in log.replay(0)}
    return found, log


def expected() -> dict[int, tuple[int, bytes]]:
    return dict(enumerate(records(), 1))


def test_records_come_back_in_order(tmp_path: Path) -> None:
    """All of them, or those since a time; offsets go on after a restart and a trim, and none is given twice."""
    write(tmp_path / "log.sqlite", records(10))
    with closing(Log(tmp_path / "log.sqlite")) as log:
        assert [(offset, time_ms, value) for offset, time_ms, value in log.replay(1_005)] == [
            (at + 1, time_ms, value) for at, (time_ms, value) in list(enumerate(records(10)))[5:]
        ]
        assert log.trim(2_000) == 10
    with closing(Log(tmp_path / "log.sqlite")) as log:
        assert list(log.replay(0)) == []
        assert log.append(5, b"x") == 11
        assert (log.damage, log.damaged) == ([], 0)


def test_a_killed_log_is_whole(crashed: Path, tmp_path: Path) -> None:
    """Nothing is said to be damaged that is not."""
    assert read_wal(crashed).frames
    found, log = read(copied(crashed, tmp_path / "copy"))
    assert found == expected()
    assert (log.damage, log.damaged) == ([], 0)


def losses_of_one_page() -> int:
    return PAGE_BYTES // 90


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), in_wal=st.booleans())
def test_a_flipped_byte_costs_what_stood_on_it(crashed: Path, tmp_path: Path, where: float, bits: int, in_wal: bool) -> None:
    """Any byte of the file or of the write-ahead log, flipped: the log opens, gives back nothing that was not written, all but what
    stood on that page, and if anything is missing it says so."""
    path = copied(crashed, tmp_path / "copy")
    flipped = wal_of(path) if in_wal else path
    content = bytearray(flipped.read_bytes())
    at = int(where * len(content))
    content[at] ^= bits
    flipped.write_bytes(content)
    if not in_wal and at == PAGE_OF_FORMAT[-1] and content[at] > 2:
        with pytest.raises(LogError, match="newer release"):
            Log(path)
        return
    found, log = read(path)
    whole = expected()
    assert all(whole[offset] == record for offset, record in found.items())
    assert len(whole) - len(found) <= losses_of_one_page()
    if len(found) < len(whole):
        assert log.damage or log.damaged, "what is missing is told"
    again, later = read(path)
    assert again == found, "what was kept stays"
    assert later.damage == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), in_wal=st.booleans())
def test_a_log_cut_anywhere_keeps_what_stood_before(crashed: Path, tmp_path: Path, where: float, in_wal: bool) -> None:
    """The file or its write-ahead log, cut: the log opens, and gives back records as they were written. Cut in the write-ahead log they are the
    first ones, without a gap."""
    path = copied(crashed, tmp_path / "copy")
    cut = wal_of(path) if in_wal else path
    content = cut.read_bytes()
    cut.write_bytes(content[: int(where * len(content))])
    found, log = read(path)
    whole = expected()
    assert all(whole[offset] == record for offset, record in found.items())
    if in_wal:
        assert list(found) == list(range(1, len(found) + 1))
        assert len(found) > RECORDS // 2
    elif len(found) < len(whole) and wal_of(crashed).exists():
        assert log.damage or log.damaged


def test_damage_is_kept_for_who_wants_to_look(crashed: Path, tmp_path: Path) -> None:
    """The damaged file stands beside the new one, with its write-ahead log; a second damage gets another name."""
    path = copied(crashed, tmp_path / "copy")
    for number in (1, 2):
        content = bytearray(path.read_bytes())
        content[18] = 9
        path.write_bytes(content)
        _, log = read(path)
        assert f"log.damaged-{number}.sqlite".replace("log", path.stem) in log.damage[0]
        assert path.with_name(f"{path.stem}.damaged-{number}.sqlite").read_bytes() == bytes(content)
    assert sorted(found.name for found in path.parent.iterdir() if "draft" in found.name or "salvaged" in found.name) == []


def test_a_salvage_that_was_cut_short_is_finished(crashed: Path, tmp_path: Path) -> None:
    """Killed between the new log's completion and its move: the next start takes the new one."""
    path = copied(crashed, tmp_path / "copy")
    write(path.with_name("new.sqlite"), records(3))
    path.with_name("new.sqlite").rename(path.with_name(f"{path.stem}.salvaged.sqlite"))
    found, _ = read(path)
    assert found == dict(enumerate(records(3), 1))


def test_a_record_that_was_changed_is_left_out(tmp_path: Path) -> None:
    """Its value, its time or its offset: the checksum is of all three. A record that is gone is counted too."""
    write(tmp_path / "log.sqlite", [(1000 + at, b"value %d" % at) for at in range(10)])
    with closing(sqlite3.connect(tmp_path / "log.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE records SET value = CAST('velue 1' AS BLOB) WHERE offset = 2")
        db.execute("UPDATE records SET time_ms = 5 WHERE offset = 4")
        db.execute("DELETE FROM records WHERE offset = 6")
    found, log = read(tmp_path / "log.sqlite")
    assert sorted(found) == [1, 3, 5, 7, 8, 9, 10]
    assert log.damaged == 3


def first_format(path: Path, content: list[tuple[int, bytes]]) -> None:
    """A log as the first format was: without checksums."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("CREATE TABLE records (offset INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, value BLOB NOT NULL)")
        db.execute("CREATE TABLE probe (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL)")
        db.execute("PRAGMA user_version=1")
        db.executemany("INSERT INTO records (time_ms, value) VALUES (?, ?)", content)


def test_the_format_before_opens(tmp_path: Path) -> None:
    """Its records are given back, and what is added has checksums; damaged, it is salvaged too."""
    path = tmp_path / "log.sqlite"
    first_format(path, records(20))
    with closing(Log(path)) as log:
        assert [value for _, _, value in log.replay(0)] == [value for _, value in records(20)]
        assert log.append(9_999, b"new") == 21
        assert (log.damage, log.damaged) == ([], 0)
    content = bytearray(path.read_bytes())
    content[110] ^= 0xFF
    path.write_bytes(content)
    found, log = read(path)
    assert len(found) == 21
    assert log.damage


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """With a word on what to do; nothing of it is touched."""
    path = tmp_path / "log.sqlite"
    write(path, records(3))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=3")
    before = path.read_bytes()
    with pytest.raises(LogError, match=r"newer release \(format 3, this one knows 2\): update Isotherm"):
        Log(path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["log.sqlite"]


@pytest.mark.parametrize("content", [b"", b"x", b"no database at all" * 1000, bytes(100_000)])
def test_any_file_opens(tmp_path: Path, content: bytes) -> None:
    """Where the log should stand there is something else: a new log is begun, and that is said."""
    (tmp_path / "log.sqlite").write_bytes(content)
    with closing(Log(tmp_path / "log.sqlite")) as log:
        assert log.append(1, b"x") == 1
        assert bool(log.damage) == bool(content)


@contextmanager
def files_at_most(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond: what a full disk does, without a disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """An append that fails says so and leaves no trace; when there is room again, appends go on without a gap."""
    with closing(Log(tmp_path / "log.sqlite")) as log:
        for time_ms, value in records(20):
            log.append(time_ms, value)
        with files_at_most(wal_of(log.path).stat().st_size + 2 * PAGE_BYTES):
            for _ in range(3):
                with pytest.raises(LogError, match=r"\w"):
                    log.append(0, bytes(PAGE_BYTES * 8))
        log.probe(1)
        assert log.append(9_999, b"after") == 21
        assert [value for _, _, value in log.replay(0)] == [*(value for _, value in records(20)), b"after"]
    found, log = read(tmp_path / "log.sqlite")
    assert (len(found), log.damage, log.damaged) == (21, [], 0)


def test_rewriting_leaves_nothing_behind(tmp_path: Path) -> None:
    """What was rewritten stands nowhere in the files any more, though the log is open elsewhere; the rest is as it was."""
    path = tmp_path / "log.sqlite"
    secret = b"session-that-must-go" * 20
    with closing(Log(path)) as server:
        for at in range(250):
            server.append(at, secret + b" %d" % at if at % 3 == 0 else b"other %d" % at)
        with closing(Log(path, repair=False)) as log:
            assert log.rewrite(lambda value: b"" if value.startswith(secret) else value) == 84
        assert secret not in path.read_bytes()
        assert secret not in wal_of(path).read_bytes()
        assert server.append(250, b"after") == 251
    found, log = read(path)
    assert [value for _, value in found.values() if value] == [b"other %d" % at for at in range(250) if at % 3] + [b"after"]
    assert (log.damage, log.damaged) == ([], 0)


def test_rewriting_says_so_where_what_was_there_stays(tmp_path: Path) -> None:
    """While another process reads, the write-ahead log can't be emptied; once it can, doing it again is enough."""
    path = tmp_path / "log.sqlite"
    with closing(Log(path)) as server:
        server.append(1, b"secret")
        with closing(sqlite3.connect(path, isolation_level=None)) as other, closing(Log(path, repair=False)) as log:
            log._database.execute("PRAGMA busy_timeout=1")
            other.execute("BEGIN")
            assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)
            with pytest.raises(LogError, match="try again"):
                log.rewrite(lambda _: b"")
            other.execute("ROLLBACK")
            assert log.rewrite(lambda _: b"") == 0
        assert b"secret" not in path.read_bytes() + wal_of(path).read_bytes()


def test_rewriting_makes_no_damaged_record_sound(tmp_path: Path) -> None:
    """What its value says can't be relied on, with a piece of it gone either."""
    path = tmp_path / "log.sqlite"
    write(path, [(1000, b"value 1"), (1001, b"value 2")])
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE records SET value = CAST('velue 1' AS BLOB) WHERE offset = 1")
    with closing(Log(path, repair=False)) as log:
        assert log.rewrite(lambda value: value[:-1]) == 2
    found, log = read(path)
    assert (found, log.damaged) == ({2: (1001, b"value ")}, 1)


def test_a_rewriting_that_fails_holds_nobody_up(tmp_path: Path) -> None:
    """Nothing of its last piece is done, and the log can be written to."""
    with closing(Log(tmp_path / "log.sqlite")) as log:
        log.append(1000, b"one")
        with pytest.raises(ZeroDivisionError):
            log.rewrite(lambda _: bytes(1 // 0))
        assert not log._database.in_transaction
        log.append(1001, b"two")
    assert len(read(tmp_path / "log.sqlite")[0]) == 2


def test_the_checksum_is_of_all_that_a_record_is() -> None:
    """Another offset, time or value gives another."""
    assert len({checksum(1, 2, b"v"), checksum(2, 1, b"v"), checksum(1, 3, b"v"), checksum(1, 2, b"w")}) == 4
