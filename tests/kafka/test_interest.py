"""Interest and wishes: who watches and who asks, told by records that end of themselves."""

from __future__ import annotations

from isotherm.core.records import Interest, decode_interest
from isotherm.runtimes.kafka.interest import LASTS_MS, Interests
from isotherm.runtimes.kafka.wishes import Wishes

PAGE = "default/p/1"


class Told:
    def __init__(self) -> None:
        self.records: list[tuple[str, Interest | None]] = []
        self.paces: list[tuple[str, bool]] = []
        self.interests = Interests(
            lambda page, value: self.records.append((page, decode_interest(value) if value is not None else None)),
            lambda page, watched: self.paces.append((page, watched)),
        )


def test_who_asks_for_parts_changes_no_pace_and_is_renewed_until_nobody_does() -> None:
    """A question makes a wish and renews it; the end is told once the wish has ended."""
    told = Told()
    told.interests.ask(PAGE, "zones", True, 1000)
    told.interests.turn(7000)
    assert told.records == [(PAGE, Interest(0, zones=1000 + LASTS_MS)), (PAGE, Interest(0, zones=7000 + LASTS_MS))]
    told.interests.heard(PAGE, Interest(0, zones=99_999), 7000)
    told.interests.ask(PAGE, "zones", False, 8000)
    told.interests.turn(20_000)
    assert len(told.records) == 2
    told.interests.turn(7000 + LASTS_MS)
    assert told.records[2:] == [(PAGE, None)]
    assert told.paces == []


def test_one_record_tells_of_viewers_and_questions_alike() -> None:
    """Neither takes the other's word back."""
    told = Told()
    told.interests.watch(PAGE, True, 1000)
    told.interests.ask(PAGE, "exposure", True, 2000)
    told.interests.ask(PAGE, "spots", True, 2000)
    until = 2000 + LASTS_MS
    assert told.records[-1] == (PAGE, Interest(until, spots=until, exposure=until))
    assert told.paces == [(PAGE, True)]
    told.interests.ask(PAGE, "spots", False, 3000)
    told.interests.ask(PAGE, "exposure", False, 3000)
    told.interests.turn(9000)
    assert told.records[-1] == (PAGE, Interest(9000 + LASTS_MS))
    told.interests.watch(PAGE, False, 10_000)
    told.interests.turn(9000 + LASTS_MS)
    assert told.paces == [(PAGE, True), (PAGE, False)]


def test_of_several_wishes_the_longest_holds() -> None:
    """A gateway that asks for nothing takes nothing from another; no wish lasts longer than any may."""
    wishes = Wishes()
    wishes.heard(PAGE, Interest(0, zones=5000), 0)
    wishes.heard(PAGE, Interest(9000, spots=2000), 0)
    wishes.heard("default/", Interest(0, zones=10**15, exposure=3000), 0)
    wishes.turn(0)
    assert (wishes.zones, wishes.spots, wishes.exposure) == ({PAGE, "default/"}, {PAGE}, {"default/"})
    wishes.turn(2000)
    assert (wishes.zones, wishes.spots, wishes.exposure) == ({PAGE, "default/"}, set(), {"default/"})
    wishes.turn(3000)
    assert wishes.exposure == set()
    wishes.turn(5000)
    assert wishes.zones == {"default/"}
    wishes.turn(LASTS_MS)
    assert wishes.zones == set()
