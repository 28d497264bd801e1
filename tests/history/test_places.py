"""A history that workers write and others read, wherever it lies: in SQLite's file, or on a real PostgreSQL server."""

from __future__ import annotations

import random
import sqlite3
import struct
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner

from isotherm.cli.app import app
from isotherm.core.people import Marks, hash_of
from isotherm.core.tiers import DAY_MS, HOUR_MS, MINUTE_MS, TIERS_MS, Floors, Run
from isotherm.history import History, HistoryError, NewerError, Retention
from isotherm.history.looking import StoredHistory
from isotherm.history.places import open_reader, open_store
from isotherm.history.store import OvertakenError
from isotherm.history.storing import Storing
from tests.history.test_keeper import HOP_MS, MOVES, NOW_MS, counts
from tests.postgres import Server

EVERYTHING = [Run(tier, 0, 1 << 40) for tier in range(3)]
KEEP_ALL = Retention(minutes_ms=400 * DAY_MS, hours_ms=400 * DAY_MS, days_ms=400 * DAY_MS)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "folder" / "history.sqlite")
    make: Callable[[], str] = request.getfixturevalue("database")
    return make()


def storing(place: str, retention: Retention = KEEP_ALL, **more: Any) -> Storing:
    return Storing(open_store(place, 2), grid_size=2, hop_ms=HOP_MS, retention=retention, **more)


def looking(place: str) -> StoredHistory:
    return StoredHistory(place, grid_size=2, hop_ms=HOP_MS, window_ms=300_000, retention=KEEP_ALL)


def total(place: str, tier: int = 0, page: str = "a/") -> int:
    reader = open_reader(place, 2)
    found = sum(int(row.contents.counts.sum()) for row in reader.rows(page, EVERYTHING) if row.tier == tier)
    reader.close()
    return found


async def test_who_only_looks_sees_what_the_embedded_history_would(place: str, tmp_path: Path) -> None:
    """The same counts, stored by workers in several goes: every range, step, beginning and size is the same."""
    chance = random.Random(4)
    worker, embedded, looker = storing(place), History(
        tmp_path / "embedded.sqlite", grid_size=2, hop_ms=HOP_MS, window_ms=300_000, retention=KEEP_ALL
    ), looking(place)  # fmt: skip
    embedded.open()
    assert worker.begin("x/0", 100) == 0
    for offset in range(60):
        time_ms = NOW_MS - chance.randrange(3 * DAY_MS)
        made = counts((time_ms, chance.randrange(4), chance.randint(1, 9)), who=f"s{offset % 7}", page=chance.choice(["a/", "b/ä\0"]))
        embedded.add(made, offset, NOW_MS)
        worker.add(made, "x/0", offset, NOW_MS)
        if offset % 20 == 19:
            worker.flush()
    for page in ("a/", "b/ä\0", "c/"):
        for from_ms, to_ms in ((None, NOW_MS + 1), (NOW_MS - DAY_MS, NOW_MS), (NOW_MS - 7 * MINUTE_MS, NOW_MS - MINUTE_MS)):
            ours, theirs = await looker.range(page, from_ms, to_ms), await embedded.range(page, from_ms, to_ms)
            assert (ours.start_ms, ours.end_ms, ours.size) == (theirs.start_ms, theirs.end_ms, theirs.size)
            assert ours.contents.by_tile(MOVES, 4).tolist() == theirs.contents.by_tile(MOVES, 4).tolist()
            assert ours.contents.marks.within(MOVES, 4) == theirs.contents.marks.within(MOVES, 4)
        ours_steps = await looker.steps(page, MOVES, NOW_MS - DAY_MS, NOW_MS, HOUR_MS)
        theirs_steps = await embedded.steps(page, MOVES, NOW_MS - DAY_MS, NOW_MS, HOUR_MS)
        assert [(step.end_ms, step.tiles.tolist()) for step in ours_steps] == [(step.end_ms, step.tiles.tolist()) for step in theirs_steps]
        assert await looker.first_ms(page) == await embedded.first_ms(page)
    assert await looker.now("a/", NOW_MS) is None, "who is there now is not known"
    assert await looker.size("a/") == await embedded.size("a/") == (1000, 3000)
    assert len(await looker.recent("a/", MOVES, NOW_MS)) == 5
    await looker.close()
    await embedded.close()


async def test_the_pages_of_a_range_are_counted_as_one_by_one(place: str, tmp_path: Path) -> None:
    """Samples and people of each page, those with most first, by who looks and by who keeps, with what waits; bursts are in no total."""
    chance = random.Random(9)
    worker, embedded = storing(place), History(
        tmp_path / "embedded.sqlite", grid_size=2, hop_ms=HOP_MS, window_ms=300_000, retention=KEEP_ALL
    )  # fmt: skip
    embedded.open()
    worker.begin("x/0", 100)
    for offset in range(80):
        time_ms = NOW_MS - chance.randrange(3 * DAY_MS)
        cell = chance.choice([0, 3, 12, 23, 24, 47])  # the last two: of layers beyond moves and clicks
        made = counts((time_ms, cell, chance.randint(1, 9)), who=f"s{offset % 7}", page=f"{chance.choice('ab')}/{chance.randrange(5)}")
        embedded.add(made, offset, NOW_MS)
        worker.add(made, "x/0", offset, NOW_MS)
        if offset % 30 == 29:
            worker.flush()
            await embedded._flush()
    worker.flush()
    looker = looking(place)
    for from_ms, to_ms in ((0, NOW_MS + 1), (NOW_MS - DAY_MS, NOW_MS), (NOW_MS - 700 * MINUTE_MS, NOW_MS - 70 * MINUTE_MS)):
        expected = {}
        for key in (f"{site}/{number}" for site in "ab" for number in range(5)):
            past = await embedded.range(key, from_ms, to_ms)
            samples = int(past.contents.counts[past.contents.cells < 24].sum())
            if samples:
                expected[key] = (samples, past.contents.marks.marks.tolist())
        for history in (embedded, looker):
            found = await history.pages(from_ms, to_ms, lambda _: True, 100, lambda page: page)
            assert (found.start_ms, found.end_ms) == ((await embedded.range("a/1", from_ms, to_ms)).start_ms, past.end_ms)
            assert {page.key: (page.samples, page.contents.marks.marks.tolist()) for page in found.pages} == expected
            assert [page.samples for page in found.pages] == sorted((samples for samples, _ in expected.values()), reverse=True)
            few = await history.pages(from_ms, to_ms, lambda key: key.startswith("a/"), 2, lambda page: page)
            of_a = [one.key for one in found.pages if one.key[0] == "a"]
            assert (few.known, [one.key for one in few.pages]) == (len(of_a), of_a[:2])
    await looker.close()
    await embedded.close()


async def test_a_store_of_the_first_format_is_taken_over(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its buckets have no number of samples: they are counted where somebody asks, and get theirs as others are added, a few at a time."""
    for module in ("store", "postgres"):
        monkeypatch.setattr(f"isotherm.history.{module}.FILLED_ROWS", 10)
    worker = storing(place)
    worker.begin("x/0", 100)
    for hour in range(12):
        worker.add(counts((NOW_MS - hour * HOUR_MS, 1, 2), page=f"{'ab'[hour % 2]}/"), "x/0", hour, NOW_MS)
    worker.flush()
    _make_format_1(place)

    async def told() -> dict[str, int]:
        looker = looking(place)
        found = await looker.pages(0, NOW_MS + 1, lambda _: True, 100, lambda page: page)
        await looker.close()
        return {page.key: page.samples for page in found.pages}

    anew = storing(place)
    assert _format(place) == 5, "a release before refuses it, whatever is filled in"
    assert await told() == {"a/": 12, "b/": 12}
    assert _unfilled(place) > 20
    anew.begin("x/0", 100)
    for offset in range(12, 18):
        anew.add(counts((NOW_MS, 1, 1), page="b/"), "x/0", offset, NOW_MS)
        anew.flush()
        assert await told() == {"a/": 12, "b/": 12 + offset - 11}
        if offset == 12:
            assert _unfilled(place) > 10
            anew = storing(place)
            anew.begin("x/0", 100)
    assert _unfilled(place) == 0
    assert _format(place) == 4


@pytest.mark.parametrize(("found", "becomes"), [(1, 5), (2, 5), (3, 4), (4, 4), (5, 5)])
def test_a_history_is_of_the_newest_format_before_anything_is_written(place: str, found: int, becomes: int) -> None:
    """Releases that know no format above 3 take what is packed since for damaged: they would count it anew. They refuse it, as soon as it
    is opened. All that they stored is read."""
    _write_as_release_3(place, found)
    opened = open_store(place, 2)
    assert _format(place) == becomes
    opened.close()
    assert [total(place, tier) for tier in range(3)] == [17, 17, 17]
    worker = storing(place)
    worker.begin("x/0", 100)
    worker.add(counts((NOW_MS, 1, 2)), "x/0", 0, NOW_MS)
    worker.flush()
    assert [total(place, tier) for tier in range(3)] == [19, 19, 19]


def test_one_that_runs_brings_up_what_is_put_back_beneath_it(place: str) -> None:
    """A copy of before the update, restored while a worker is there, has the newest format before the worker adds to it."""
    worker = storing(place)
    worker.begin("x/0", 100)
    _told(place, _SET_FORMAT[place.startswith("postgresql")].format(3))
    worker.add(counts((NOW_MS, 1, 2)), "x/0", 0, NOW_MS)
    worker.flush()
    assert (_format(place), total(place)) == (4, 2)


async def test_one_that_runs_stops_where_a_newer_release_has_begun(place: str) -> None:
    """It opened the history before the other did. It changes nothing any more, reads nothing, and says what to do."""
    store, worker, looker = open_store(place, 2), storing(place), looking(place)
    worker.begin("x/0", 100)
    worker.add(counts((NOW_MS, 1, 2)), "x/0", 0, NOW_MS)
    worker.flush()
    assert (await looker.range("a/", 0, NOW_MS + 1)).contents.counts.sum() == 2
    _told(place, _SET_FORMAT[place.startswith("postgresql")].format(99))
    worker.add(counts((NOW_MS, 1, 2)), "x/0", 1, NOW_MS)
    refused = pytest.raises(NewerError, match=r"was written by a newer release \(format 99, this one knows 5\): update Isotherm")
    for attempt in (
        worker.flush,
        lambda: worker.begin("x/0", 0),
        lambda: store.trim(Floors(NOW_MS, NOW_MS, NOW_MS), 0),
        lambda: store.rewrite_marks(lambda page, start_ms, marks: Marks()),
        lambda: open_store(place, 2),
    ):
        with refused:
            attempt()
    with refused:
        await looker.range("a/", 0, NOW_MS + 1)
    await looker.close()
    _told(place, _SET_FORMAT[place.startswith("postgresql")].format(4))
    assert [total(place, tier) for tier in range(3)] == [2, 2, 2]
    assert storing(place).begin("x/0", 100) == 1


def test_numbers_that_cant_be_filled_in_are_no_failure(place: str, caplog: pytest.LogCaptureFixture) -> None:
    """What was added is in there, once; the numbers come when they can be written, and a damaged bucket does not hold up the others."""
    worker = storing(place)
    worker.begin("x/0", 100)
    worker.add(counts((NOW_MS, 1, 2)), "x/0", 0, NOW_MS)
    worker.add(counts((NOW_MS, 1, 2), page="damaged/"), "x/0", 1, NOW_MS)
    worker.flush()
    _make_format_1(place)
    anew = storing(place)
    _told(place, *_REFUSING[place.startswith("postgresql")])
    anew.begin("x/0", 100)
    anew.add(counts((NOW_MS + HOUR_MS, 1, 8)), "x/0", 2, NOW_MS)
    anew.flush()
    assert (anew.stored, total(place), _unfilled(place) > 0) == ({"x/0": 3}, 10, True)
    assert "get their number of samples later: " in caplog.text
    table = "isotherm_buckets" if place.startswith("postgresql") else "buckets"
    drop = f"DROP TRIGGER refusing{' ON isotherm_buckets' * place.startswith('postgresql')}"
    _told(place, drop, f"UPDATE {table} SET counts = 'x' WHERE page = (SELECT max(page) FROM {table})")
    reader = open_reader(place, 2)
    with pytest.raises(HistoryError, match="damaged"):
        reader.page_samples(EVERYTHING)
    anew.add(counts((NOW_MS + HOUR_MS, 1, 1)), "x/0", 3, NOW_MS)
    anew.flush()
    assert (total(place), _unfilled(place), _format(place)) == (11, 0, 4)
    assert reader.page_samples(EVERYTHING[:1]) == {"a/": 11, "damaged/": 0}, "what failed before left nothing open"
    assert "counts as empty: a bucket of the history is damaged: " in caplog.text
    reader.close()


_REFUSING = {
    False: (
        "CREATE TRIGGER refusing BEFORE UPDATE OF samples ON buckets WHEN new.counts = old.counts "
        "BEGIN SELECT RAISE(FAIL, 'disk full'); END",
    ),
    True: (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$",
        "CREATE TRIGGER refusing BEFORE UPDATE ON isotherm_buckets FOR EACH ROW WHEN (new.counts = old.counts) EXECUTE FUNCTION refuse()",
    ),
}


_SET_FORMAT = {False: "PRAGMA user_version = {}", True: "UPDATE isotherm_floors SET format = {}"}


def _told(place: str, *statements: str) -> None:
    """Has the database do these."""
    if place.startswith("postgresql"):
        with psycopg.connect(place, autocommit=True) as server:
            for statement in statements:
                server.execute(statement)
        return
    file = sqlite3.connect(place, isolation_level=None)
    for statement in statements:
        file.execute(statement)
    file.close()


def _make_format_1(place: str) -> None:
    if place.startswith("postgresql"):
        with psycopg.connect(place, autocommit=True) as server:
            server.execute("ALTER TABLE isotherm_buckets DROP COLUMN samples")
            server.execute("UPDATE isotherm_floors SET format = 1")
        return
    file = sqlite3.connect(place)
    file.executescript(
        "DROP INDEX by_time_with_samples; ALTER TABLE buckets DROP COLUMN samples; "
        "CREATE INDEX by_time ON buckets (tier, number); PRAGMA user_version = 1"
    )
    file.close()


def _write_as_release_3(place: str, number: int) -> None:
    """A history of that format, with a page's minute, hour and day as the releases wrote it that knew no format above 3: 17 samples on tile
    1, of one person."""
    open_store(place, 2).close()
    if number == 1:
        _make_format_1(place)
    else:
        _told(place, _SET_FORMAT[place.startswith("postgresql")].format(number))
    cell = zlib.compress(struct.pack("<BBIBB", 1, 1, 1, 1, 17)).hex()
    who = zlib.compress(b"\0" + struct.pack("<BBIIB", 4, 1, 1, hash_of("s"), 1) + struct.pack("<BBIB", 1, 0, 1, 1)).hex()
    samples = ("", "") if number == 1 else (", samples", ", NULL" if number == 2 else ", 17")
    if place.startswith("postgresql"):
        page, prefix, blob = "INSERT INTO isotherm_pages (key) VALUES ('a/')", "isotherm_", "decode('{}', 'hex')"
    else:
        page, prefix, blob = "INSERT INTO pages (key) VALUES ('a/')", "", "x'{}'"
    bucket = (
        f"INSERT INTO {prefix}buckets (page, tier, number, grid, counts, marks{samples[0]}) "
        f"SELECT id, {{}}, {{}}, 2, {blob.format(cell)}, {blob.format(who)}{samples[1]} FROM {prefix}pages"
    )
    _told(place, page, *(bucket.format(tier, NOW_MS // span_ms) for tier, span_ms in enumerate(TIERS_MS)))


def _asked(place: str, of_sqlite: str, of_postgres: str) -> int:
    if place.startswith("postgresql"):
        with psycopg.connect(place) as server:
            return int(server.execute(of_postgres).fetchone()[0])  # type: ignore[index, arg-type]
    file = sqlite3.connect(place)
    (found,) = file.execute(of_sqlite).fetchone()
    file.close()
    return int(found)


def _unfilled(place: str) -> int:
    count = "SELECT count(*) FROM {} WHERE samples IS NULL"
    return _asked(place, count.format("buckets"), count.format("isotherm_buckets"))


def _format(place: str) -> int:
    return _asked(place, "PRAGMA user_version", "SELECT format FROM isotherm_floors")


def test_several_who_write_take_turns(place: str) -> None:
    """Workers with a source each add to the same buckets at the same time, and none of it is lost."""

    def work(source: str) -> None:
        worker = storing(place)
        worker.begin(source, 100)
        for offset in range(12):
            worker.add(counts((NOW_MS, 1, 1), who=f"{source}-{offset}"), source, offset, NOW_MS)
            worker.flush()

    open_store(place, 2).close()
    threads = [threading.Thread(target=work, args=(f"x/{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [total(place, tier) for tier in range(3)] == [48, 48, 48]
    assert [storing(place).begin(f"x/{number}", 100) for number in range(4)] == [12] * 4


def test_one_that_was_overtaken_adds_nothing(place: str) -> None:
    """Two think a partition theirs: what the second stores later is refused whole, and it learns where to go on."""
    slow, quick = storing(place), storing(place)
    for one in (slow, quick):
        assert one.begin("x/0", 10) == 0
        for offset in range(5):
            one.add(counts((NOW_MS, 1, 1)), "x/0", offset, NOW_MS)
    slow.begin("x/1", 10)
    slow.add(counts((NOW_MS, 2, 1)), "x/1", 0, NOW_MS)
    quick.flush()
    with pytest.raises(OvertakenError, match="stored up to 5 by another"):
        slow.flush()
    assert total(place) == 5
    anew = storing(place)
    assert (anew.begin("x/0", 10), anew.begin("x/1", 10)) == (5, 0)


def test_a_topic_that_began_anew(place: str) -> None:
    """Its offsets have nothing to do with those that were stored: it is read from its beginning."""
    worker = storing(place)
    worker.begin("x/0", 10)
    worker.add(counts((NOW_MS, 1, 1)), "x/0", 9, NOW_MS)
    worker.flush()
    assert worker.stored == {"x/0": 10}
    assert worker.begin("x/0", 3) == 0


def test_it_is_stored_when_it_is_time(place: str) -> None:
    """Some seconds after each minute's end; and what is older than is kept goes."""
    worker, minute_ms = storing(place, Retention(DAY_MS, DAY_MS, DAY_MS)), NOW_MS // MINUTE_MS * MINUTE_MS
    worker.begin("x/0", 10)
    worker.add(counts((minute_ms, 2, 1), page="b/"), "x/0", 0, minute_ms)
    assert worker.tend(minute_ms + 2000)
    worker.add(counts((minute_ms, 1, 1), (minute_ms - 10 * DAY_MS, 1, 1)), "x/0", 1, minute_ms)
    assert not worker.tend(minute_ms + MINUTE_MS + 1999)
    assert worker.tend(minute_ms + MINUTE_MS + 2000)
    assert (total(place), worker.too_old) == (1, 1)


def test_what_is_too_much_is_let_go(place: str) -> None:
    """The oldest minutes first, then hours, then days; the floors tell."""
    store, worker = open_store(place, 2), storing(place)
    worker.begin("x/0", 1000)
    for hour in range(40):
        worker.add(counts((NOW_MS - hour * HOUR_MS, 1, 1), who=f"s{hour}"), "x/0", hour, NOW_MS)
    worker.flush()
    before = {tier: total(place, tier) for tier in range(3)}
    store.trim(Floors(), store.size_bytes() - 1)
    assert total(place, 0) < before[0]
    assert total(place, 2) == before[2]
    assert store.floors().minutes_ms > 0
    store.trim(Floors(), 0)
    assert [total(place, tier) for tier in range(3)] == [0, 0, 0]
    store.close()


async def test_a_server_that_goes_away_and_comes_back(database: Callable[[], str], postgres: Server) -> None:
    """Meanwhile questions fail with a word that tells why; then they are answered, by the same process."""
    place = database()
    worker, looker = storing(place), looking(place)
    worker.begin("x/0", 10)
    worker.add(counts((NOW_MS, 1, 3)), "x/0", 0, NOW_MS)
    worker.flush()

    async def counted() -> int:
        return int((await looker.range("a/", NOW_MS - 1, NOW_MS + 1)).contents.counts.sum())

    assert await counted() == 3
    postgres.stop()
    try:
        with pytest.raises(HistoryError, match=r"can't \w+ the PostgreSQL server 127\.0\.0\.1/"):
            await counted()
        worker.add(counts((NOW_MS, 1, 4)), "x/0", 1, NOW_MS)
        with pytest.raises(HistoryError):
            worker.flush()
    finally:
        postgres.start()
    assert await counted() == 3
    anew = storing(place)
    assert anew.begin("x/0", 10) == 1, "it is read again from there"
    await looker.close()


def test_a_password_is_not_told(database: Callable[[], str]) -> None:
    """A server that can't be reached, or an address that can't be: the error names neither user nor password."""
    for place in ("postgresql://ann:secret@127.0.0.1:1/x", "postgresql://ann:secret@127.0.0.1:1/x?nonsense=1"):
        with pytest.raises(HistoryError) as raised:
            open_store(place, 2)
        assert "secret" not in str(raised.value)
        assert len(str(raised.value).splitlines()) == 1


def test_a_newer_release_s_database_is_left_alone(database: Callable[[], str]) -> None:
    """It says so, in words that tell what to do."""
    place = database()
    open_store(place, 2).close()
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute("UPDATE isotherm_floors SET format = 99")
    with pytest.raises(HistoryError, match="newer release"):
        open_store(place, 2)


def test_a_session_is_erased_wherever_it_is_kept(place: str) -> None:
    """`isotherm erase --session … --store …`, while a worker has it open: its marks go from every tier, others' and all counts stay."""
    worker = storing(place)
    worker.begin("x/0", 1000)
    for offset in range(240):  # more buckets than one turn of the eraser takes
        worker.add(counts((NOW_MS - offset * MINUTE_MS, 1, 2), who="gone" if offset % 2 else "stays"), "x/0", offset, NOW_MS)
    worker.flush()

    def people() -> set[int]:
        reader = open_reader(place, 2)
        marks = Marks.joined(row.contents.marks for row in reader.rows("a/", EVERYTHING))
        reader.close()
        return set((marks.marks >> np.uint64(32)).tolist())

    before = [total(place, tier) for tier in range(3)]
    assert people() == {hash_of("gone"), hash_of("stays")}
    said = CliRunner().invoke(app, ["erase", "--session", "gone", "--store", place])
    assert (said.exit_code, "went from" in said.output) == (0, True), said.output
    assert people() == {hash_of("stays")}
    assert [total(place, tier) for tier in range(3)] == before
    assert "from 0 minutes" in CliRunner().invoke(app, ["erase", "--session", "gone", "--store", place]).output
    worker.add(counts((NOW_MS, 1, 2), who="late"), "x/0", 500, NOW_MS)
    worker.flush()
    assert people() == {hash_of("stays"), hash_of("late")}, "and the worker goes on"


def test_what_cannot_be_erased_is_said(tmp_path: Path) -> None:
    """Counts that were rolled up name no session; a place with nothing in it is a mistake."""
    for arguments in (["--page", "/p/1"], ["--session", "s"]):
        said = CliRunner().invoke(app, ["erase", *arguments, "--store", str(tmp_path / "none.sqlite")])
        assert said.exit_code != 0
    assert not list(tmp_path.iterdir())
