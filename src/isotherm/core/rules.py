"""Rules: when a zone or a page is hot, and when it has cooled. A pure state machine for each thing that a rule looks at.

    cold ──(at or beyond `at_least`, with `people` or more, for `hold_ms`)──> hot ──(below `release`)──> cold, quiet for `cooldown_ms`

The gap between `at_least` and `release` is the hysteresis: a value that trembles about one of them fires once. For the metric `unseen`
(nobody sees it) the comparison is turned round: hot is few people or none, while the page has `people` or more. Who sees a zone is who has
it in view, where that is known, else who points at it.

`Watch` holds a rule against whatever fits its page and zone; it is fed the values of one moment, and returns what fired.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from isotherm.core.pages import DEFAULT_SITE

__all__ = [
    "METRICS",
    "Machine",
    "Metric",
    "Moment",
    "Reaction",
    "Rule",
    "RuleError",
    "Watch",
    "peak",
    "reaction_from_json",
    "reaction_json",
    "rule_from_json",
    "rule_to_json",
    "taken_away",
    "zone_fits",
]

ZONES_WATCHED_MAX: Final = 512  #: of a rule; more than a page has
_NAME: Final = re.compile(r"[\w .:/-]{1,64}")
_TAKEN_AWAY: Final = "the rule was taken away"


class Metric(StrEnum):
    """What a rule looks at. A page has no share."""

    SHARE = "share"
    PEOPLE = "people"
    CLICKS = "clicks"
    RAGE = "rage"
    DEAD = "dead"
    UNSEEN = "unseen"


METRICS: Final = tuple(metric.value for metric in Metric)
_WHAT: Final = {"unseen": "people who see it", "rage": "rage clicks", "dead": "dead clicks"}  #: a metric in words, where its name is none


class RuleError(ValueError):
    """A rule that can't be; the message says what was expected, `field` of which part of the rule. None: of the whole."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(slots=True, frozen=True)
class Rule:
    """`zone` None: the page itself; else a name, in which `*` stands for anything: each zone that fits is watched apart."""

    name: str
    page: str
    metric: str
    at_least: float  #: of `unseen`: at most
    site: str = DEFAULT_SITE
    zone: str | None = None
    release: float | None = None  #: left out: four fifths of `at_least`; of `unseen` the same
    hold_ms: int = 3_000
    people: int = 3
    cooldown_ms: int = 30_000
    in_page: bool = False  #: visitors of the page may be told

    def __post_init__(self) -> None:
        """Raises `RuleError`."""
        if not _NAME.fullmatch(self.name):
            wanted = "1 to 64 letters, digits, blanks, `.`, `:`, `/`, `_` and `-`"
            raise RuleError(f"expected a rule's name of {wanted}, got {self.name!r}", "name")
        if not self.page.startswith("/") or "/" in self.site:
            got = f"{self.page!r} of {self.site!r}"
            raise RuleError(f"expected a page such as /p/1 and a site's key in rule {self.name!r}, got {got}", "page")
        if self.metric not in METRICS:
            raise RuleError(f"expected metric of rule {self.name!r} to be one of {', '.join(METRICS)}, got {self.metric!r}", "metric")
        if self.zone is None and self.metric in (Metric.SHARE, Metric.UNSEEN):
            raise RuleError(f"expected rule {self.name!r} to name a zone, since a page has no {self.metric}", "zone")
        if not 0 <= self.at_least < float("inf") or (self.metric == Metric.SHARE and self.at_least > 1):
            raise RuleError(f"expected at_least of rule {self.name!r} to be from 0 (of a share to 1), got {self.at_least!r}", "at_least")
        for field in ("hold_ms", "people", "cooldown_ms"):
            if getattr(self, field) < 0:
                raise RuleError(f"expected hold, people and cooldown of rule {self.name!r} to be 0 or more", field)
        low, high = (self.at_least, self.release_at) if self.metric == Metric.UNSEEN else (self.release_at, self.at_least)
        if not (low <= high and 0 <= self.release_at < float("inf")):
            word = "at or above" if self.metric == Metric.UNSEEN else "from 0 to"
            wanted = f"{word} at_least ({self.at_least})"
            raise RuleError(f"expected release of rule {self.name!r} to be {wanted}, got {self.release_at}", "release")

    @property
    def release_at(self) -> float:
        if self.release is not None:
            return self.release
        return self.at_least if self.metric == Metric.UNSEEN else self.at_least * 0.8

    @property
    def page_key(self) -> str:
        return self.site + self.page

    def fits(self, zone: str) -> bool:
        return self.zone is not None and zone_fits(self.zone, zone)

    @property
    def one_zone(self) -> bool:
        """It names one zone, which can be watched though nobody was ever on it."""
        return self.zone is not None and "*" not in self.zone


def zone_fits(pattern: str, zone: str) -> bool:
    """Whether a zone has a name in which `*` stands for anything."""
    return bool(_pattern(pattern).match(zone))


@lru_cache(maxsize=1024)
def _pattern(zone: str) -> re.Pattern[str]:
    return re.compile(translate(zone.replace("[", "[[]").replace("?", "[?]")), re.DOTALL)


class Moment(NamedTuple):
    """What is known of one zone, or of the page, at one moment."""

    share: float = 0.0
    people: int = 0
    clicks: int = 0
    rage: int = 0
    dead: int = 0
    seen: int | None = None  #: people who had it in view; None: not known

    @property
    def seeing(self) -> int:
        """People who see it: who points at something sees it, whatever else is known."""
        return max(self.people, self.seen or 0)


class Reaction(NamedTuple):
    """What fired, and why. The id is a function of the rest: whoever finds it again, finds the same."""

    id: str
    type: str  #: ``hot`` or ``cooled``
    at_ms: int
    rule: str
    site: str
    page: str
    zone: str | None
    metric: str
    value: float
    level: float  #: the one that was crossed
    people: int
    why: str


class Machine:
    """One zone under one rule. `feed` it in the order of time; times that go back begin the hold anew."""

    __slots__ = ("_quiet_until_ms", "_rule", "_since_ms", "hot")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.hot = False
        self._since_ms: int | None = None  # at the level without a break
        self._quiet_until_ms: int | None = None

    @property
    def resting(self) -> bool:
        """It is as new: it may be forgotten."""
        return not self.hot and self._since_ms is None and self._quiet_until_ms is None

    def rest(self, cooled_ms: int) -> None:
        """It cooled then, as an earlier process told: it is quiet for the cool-down."""
        self._quiet_until_ms = cooled_ms + self._rule.cooldown_ms

    def feed(self, now_ms: int, value: float, people: int) -> str | None:
        """Returns ``hot`` or ``cooled`` where the state changed. `people`: of the zone, or of the page for `unseen`."""
        rule = self._rule
        turned = rule.metric == Metric.UNSEEN
        if self.hot:
            if value > rule.release_at if turned else value < rule.release_at:
                self.hot, self._since_ms = False, None
                self._quiet_until_ms = now_ms + rule.cooldown_ms
                return "cooled"
            return None
        there = people >= rule.people and (value <= rule.at_least if turned else value >= rule.at_least)
        if not there:
            self._since_ms = None
        elif self._since_ms is None or now_ms < self._since_ms:
            self._since_ms = now_ms
        if self._quiet_until_ms is not None:
            if now_ms < self._quiet_until_ms and self._quiet_until_ms - now_ms <= rule.cooldown_ms:
                return None
            self._quiet_until_ms = None
        if self._since_ms is None or now_ms - self._since_ms < rule.hold_ms:
            return None
        self.hot, self._since_ms = True, None
        return "hot"


class Watch:
    """A rule against its page: the page itself, or each zone that fits."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._machines: dict[str | None, Machine] = {}
        if rule.zone is None or rule.one_zone:
            self._machines[rule.zone] = Machine(rule)

    @property
    def hot(self) -> list[str | None]:
        """The zones (None: the page) that are hot now."""
        return [zone for zone, machine in self._machines.items() if machine.hot]

    def recall(self, zone: str | None) -> bool:
        """It was hot when the process ended, or when the rule became another: it stays hot until it cools. False: the rule is not of it."""
        machine = self._machine(zone)
        if machine is not None:
            machine.hot = True
        return machine is not None

    def rest(self, zone: str | None, cooled_ms: int) -> None:
        """It cooled then, before the process ended."""
        machine = self._machine(zone)
        if machine is not None:
            machine.rest(cooled_ms)

    def _machine(self, zone: str | None) -> Machine | None:
        if zone in self._machines or (zone is not None and self.rule.fits(zone)):
            return self._machines.setdefault(zone, Machine(self.rule))
        return None

    def end(self, now_ms: int) -> list[Reaction]:
        """The rule is taken away: whoever was told that something is hot is told that it is no more."""
        return [_reaction(self.rule, "cooled", now_ms, zone, 0.0, 0)._replace(why=_TAKEN_AWAY) for zone in self.hot]

    def feed(self, now_ms: int, page: Moment, zones: Mapping[str, Moment]) -> list[Reaction]:
        """One moment of the page and its zones; what fired, those that cooled first."""
        rule = self.rule
        for zone in zones:
            if zone not in self._machines and rule.fits(zone) and len(self._machines) < ZONES_WATCHED_MAX:
                self._machines[zone] = Machine(rule)
        fired = []
        for about, machine in list(self._machines.items()):
            moment = page if about is None else zones.get(about, Moment())
            value = _value(rule, moment)
            people = page.seeing if rule.metric == Metric.UNSEEN else moment.people
            type_ = machine.feed(now_ms, value, people)
            if type_ is not None:
                fired.append(_reaction(rule, type_, now_ms, about, value, people))
            if machine.resting and about is not None and about not in zones and not rule.one_zone:
                del self._machines[about]
        return sorted(fired, key=lambda reaction: reaction.type)


def peak(rule: Rule, page: Moment, zones: Mapping[str, Moment]) -> float | None:
    """The value that is nearest to firing the rule, of all that it looks at; None: there is nothing."""
    if rule.zone is None:
        return _value(rule, page)
    fitting = [_value(rule, moment) for zone, moment in zones.items() if rule.fits(zone)]
    if rule.one_zone and not fitting:
        fitting = [_value(rule, Moment())]
    return (min if rule.metric == Metric.UNSEEN else max)(fitting, default=None)


def _value(rule: Rule, moment: Moment) -> float:
    return float(moment.seeing if rule.metric == Metric.UNSEEN else getattr(moment, rule.metric))


def _reaction(rule: Rule, type_: str, now_ms: int, zone: str | None, value: float, people: int) -> Reaction:
    level = rule.at_least if type_ == "hot" else rule.release_at
    turned = rule.metric == Metric.UNSEEN
    sign = ("≤" if turned else "≥") if type_ == "hot" else (">" if turned else "<")
    what = _WHAT.get(rule.metric, rule.metric)
    held = f" for {rule.hold_ms / 1000:g} s" if type_ == "hot" and rule.hold_ms else ""
    return Reaction(
        id=_id(rule.site, rule.page, zone, rule.name, type_, now_ms),
        type=type_,
        at_ms=now_ms,
        rule=rule.name,
        site=rule.site,
        page=rule.page,
        zone=zone,
        metric=rule.metric,
        value=round(value, 4),
        level=level,
        people=people,
        why=f"{what} {value:.4g} {sign} {level:g}{held}, {people} people",
    )


def _id(site: str, page: str, zone: str | None, rule: str, type_: str, at_ms: int) -> str:
    name = "\n".join((site, page, zone or "", rule, type_, str(at_ms)))
    return "rx_" + blake2b(name.encode(), digest_size=12).hexdigest()


def taken_away(told: Reaction, now_ms: int) -> Reaction:
    """What is told of something that was told hot, under a rule that is no more."""
    id_ = _id(told.site, told.page, told.zone, told.rule, "cooled", now_ms)
    return told._replace(id=id_, type="cooled", at_ms=now_ms, value=0.0, people=0, why=_TAKEN_AWAY)


_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "name": (str,), "page": (str,), "metric": (str,), "at_least": (int, float), "site": (str,), "zone": (str, type(None)),
    "release": (int, float, type(None)),
    "hold_ms": (int,), "people": (int,), "cooldown_ms": (int,), "in_page": (bool,),
}  # fmt: skip
_FIELDS: Final = tuple(_KINDS)


_TIME_MS_MAX: Final = 253_402_300_800_000  #: the year 10000: no calendar can write it


def reaction_json(reaction: Reaction) -> dict[str, Any]:
    """What fired, as the API, the topic and webhooks have it."""
    told = reaction._asdict()
    told["at"] = told.pop("at_ms")
    return told


def reaction_from_json(value: Any) -> Reaction:
    """The opposite. Raises `RuleError` where it is none."""
    try:
        reaction = msgspec.convert([value["at" if name == "at_ms" else name] for name in Reaction._fields], Reaction)
        if not 0 <= reaction.at_ms < _TIME_MS_MAX:
            raise RuleError(f"expected a time in ms since the epoch, got {reaction.at_ms}")
        return reaction
    except (KeyError, TypeError, msgspec.MsgspecError) as error:
        raise RuleError(f"expected what fired: {error}") from None


def rule_to_json(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in _FIELDS}


def rule_from_json(value: Any) -> Rule:
    """Raises `RuleError` for what is missing, unknown or of another type."""
    if not isinstance(value, dict):
        raise RuleError(f"expected a rule as a table, got {value!r}")
    unknown = sorted(set(value) - set(_FIELDS))
    missing = [name for name in _FIELDS[:4] if name not in value]
    if unknown or missing:
        wrong = f"{unknown[0]!r} is none of them" if unknown else f"{missing[0]!r} is missing"
        raise RuleError(f"expected a rule with {', '.join(_FIELDS[:4])}, and of {', '.join(_FIELDS[4:])}; {wrong}", (unknown or missing)[0])
    for name, item in value.items():
        if not isinstance(item, _KINDS[name]) or (isinstance(item, bool) and bool not in _KINDS[name]):
            raise RuleError(f"expected {name} of a rule to be {' or '.join(kind.__name__ for kind in _KINDS[name])}, got {item!r}", name)
    try:
        at_least = float(value["at_least"])
    except OverflowError:  # TOML has whole numbers of any length
        at_least = float("inf")  # which no rule may have
    return Rule(**{**value, "at_least": at_least})
