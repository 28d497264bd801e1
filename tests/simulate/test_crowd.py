"""How many are there, and what they look at together."""

from collections import Counter

from isotherm.simulate.crowd import Crowd
from isotherm.simulate.pointer import Entered, Step
from tests.simulate.test_layout import SHOP


def minutes(crowd: Crowd, seconds: float) -> tuple[list[int], list[list[Step]]]:
    """The crowd's life in simulated time, looked at four times a second: how many were there, and all visits."""
    present: list[float] = []
    counts, visits = [], []
    for quarter in range(int(seconds * 4)):
        now_ms = quarter * 250.0
        present = [end for end in present if end > now_ms]
        for steps in crowd.newcomers(now_ms, len(present)):
            visits.append(list(steps))
            present.append(visits[-1][-1].at_ms)
        counts.append(len(present))
    return counts, visits


def test_never_more_than_asked_for_and_never_nobody() -> None:
    for visitors in (1, 2, 7, 40):
        counts, _visits = minutes(Crowd(SHOP, visitors=visitors, seed=1), 120)
        assert max(counts) <= visitors
        assert min(counts) >= 1


def test_they_come_within_seconds_and_in_waves() -> None:
    counts, _visits = minutes(Crowd(SHOP, visitors=40, seed=1), 240)
    assert counts[8 * 4] > 20, "a demo that has begun is alive"
    settled = counts[60:]
    assert max(settled) - min(settled) >= 8, "people come in waves"
    assert sum(settled) / len(settled) > 28


def test_the_same_seed_gives_the_same_crowd_and_another_one_another() -> None:
    def crowd(seed: int) -> object:
        return minutes(Crowd(SHOP, visitors=10, seed=seed), 30)

    assert crowd(4) == crowd(4)
    assert crowd(4) != crowd(5)


def test_all_devices_come() -> None:
    _counts, visits = minutes(Crowd(SHOP, visitors=40, seed=2), 120)
    widths = Counter(visit[0].viewport_px for visit in visits if isinstance(visit[0], Entered))
    assert set(widths) == {390, 820, 1280, 1440, 1920}


def test_everybody_looks_at_the_console_until_the_laptop_is_seen_at_its_silly_price() -> None:
    """Samples on the two products' pages and on their cards on the home page, before the word goes round and after."""
    _counts, visits = minutes(Crowd(SHOP, visitors=40, seed=1), 220)
    looks: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
    for visit in visits:
        page = None
        for step in visit:
            if isinstance(step, Entered):
                page = step
                continue
            assert page is not None
            act = "before" if step.at_ms < 75_000 else "after" if 140_000 < step.at_ms < 220_000 else None
            if act:
                for product in ("console", "laptop"):
                    boxes = SHOP.plan(page.path, page.viewport_px).boxes
                    looks[act][product] += any(
                        box.about == product and box.x <= step.x <= box.x + box.width and box.y <= step.y <= box.y + box.height
                        for box in boxes
                    )
    assert looks["before"]["console"] > 8 * looks["before"]["laptop"]
    assert looks["after"]["laptop"] > 3 * looks["after"]["console"]
