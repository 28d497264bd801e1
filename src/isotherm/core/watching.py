"""Watching: all rules of one place held against its pages at each hop, through changes of the rules and of who holds them.

What was told hot stays hot until it is told cooled: `recall` takes up what an earlier process told, `settle` keeps the state of a rule that
stayed as it was or moved its levels, and what is hot under a rule that is taken away is told as cooled at the next hop. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from isotherm.core.rules import Metric, Moment, Reaction, Rule, Watch, taken_away
from isotherm.core.seeing import EVERY_ZONE, Seen
from isotherm.core.zones import ZoneNow

__all__ = ["Sight", "Source", "Watching", "moment_of", "newest_of"]


class Source(Protocol):
    """Who knows how hot pages and zones are."""

    def league(self, page: str) -> list[ZoneNow]: ...
    def people(self, page: str) -> int: ...


class Sight(Protocol):
    """Who knows how many have pages and zones in view."""

    def ready(self, page: str, zone: str) -> bool:
        """Not before it is true, rules look at what it says of the page. `zone`: a name, or one with `*`, that is asked for."""
        ...

    def of(self, page: str) -> Seen | None:
        """None: nothing is known of what visitors of this page have in view."""
        ...


def moment_of(source: Source, page: str, sight: Sight | None = None) -> tuple[Moment, dict[str, Moment]]:
    """A page and its zones as rules see them; with `sight`, those too that people only have in view."""
    league = source.league(page)
    zones = {zone.name: Moment(zone.share, zone.people, zone.clicks, zone.rage, zone.dead) for zone in league}
    clicks, rage, dead = (sum(getattr(zone, name) for zone in league) for name in ("clicks", "rage", "dead"))
    whole = Moment(1.0 if league else 0.0, source.people(page), clicks, rage, dead)
    seen = sight.of(page) if sight is not None else None
    if seen is None:
        return whole, zones
    zones |= {zone: zones.get(zone, Moment())._replace(seen=people) for zone, people in seen.zones.items()}
    return whole._replace(seen=seen.people), zones


def newest_of(told: Iterable[Reaction]) -> list[Reaction]:
    """The newest word of each zone (or page) under each rule, of what was told, oldest first."""
    return list({(reaction.rule, reaction.site, reaction.page, reaction.zone): reaction for reaction in told}.values())


class Watching:
    """`settle` the rules, `recall` what was told before, then `hop`."""

    def __init__(self) -> None:
        self.watches: dict[str, Watch] = {}
        self._ended: dict[str, Watch] = {}  # rules that were taken away while something was hot under them
        self._gone: dict[str, Watch] = {}  # those of which the newest hop told
        self._orphans: list[Reaction] = []  # what was told hot under rules that are no more

    @property
    def idle(self) -> bool:
        """There is nothing to hold against anything, and nothing to tell."""
        return not (self.watches or self._ended or self._orphans)

    def settle(self, rules: Mapping[str, Rule]) -> None:
        """These are the rules from now on, by name. A rule that stayed as it was keeps its state."""
        before, self.watches = self.watches, {}
        for name, rule in rules.items():
            known = before.pop(name, None)
            if known is not None and known.rule == rule:
                self.watches[name] = known
                continue
            self.watches[name] = Watch(rule)
            if known is not None and known.rule.page_key != rule.page_key:
                before[name] = known
            elif known is not None:
                for zone in known.hot:
                    self.watches[name].recall(zone)
        self._ended |= {name: watch for name, watch in before.items() if watch.hot}

    def recall(self, told: Iterable[Reaction], *, orphans: bool = False) -> None:
        """Takes up what was told before, oldest first. `orphans`: what is hot under no rule any more is told as cooled."""
        for reaction in newest_of(told):
            watch = self.watches.get(reaction.rule)
            known = watch is not None and watch.rule.page_key == reaction.site + reaction.page
            if known and watch is not None and reaction.type == "hot":
                known = watch.recall(reaction.zone)
            elif known and watch is not None:
                watch.rest(reaction.zone, reaction.at_ms)
            if not known and orphans and reaction.type == "hot":
                self._orphans.append(reaction)

    def hop(self, now_ms: int, source: Source, sight: Sight | None = None) -> list[Reaction]:
        """Feeds every rule with what is now; what fired. Without `sight`, who points at something is who sees it."""
        fired = [taken_away(reaction, now_ms) for reaction in self._orphans]
        fired += [reaction for watch in self._ended.values() for reaction in watch.end(now_ms)]
        self._orphans.clear()
        self._gone, self._ended = self._ended, {}
        known: dict[tuple[str, bool], tuple[Moment, dict[str, Moment]]] = {}
        for watch in self.watches.values():
            key, looks = watch.rule.page_key, sight is not None and watch.rule.metric == Metric.UNSEEN
            if looks and sight is not None and not sight.ready(key, watch.rule.zone or EVERY_ZONE):
                continue
            if (key, looks) not in known:
                known[key, looks] = moment_of(source, key, sight if looks else None)
            fired += watch.feed(now_ms, *known[key, looks])
        return fired

    def in_page(self, page: str) -> list[tuple[Rule, str | None]]:
        """What is hot on a page now, of the rules that its visitors may be told of."""
        return [
            (watch.rule, zone)
            for watch in self.watches.values()
            if watch.rule.in_page and watch.rule.page_key == page
            for zone in watch.hot
        ]

    def may_tell_page(self, reaction: Reaction) -> bool:
        """Whether visitors may be told of what the newest hop fired."""
        watch = self._gone.get(reaction.rule) or self.watches.get(reaction.rule)
        return watch is not None and watch.rule.in_page

    @property
    def hot(self) -> dict[str, list[str | None]]:
        """Rule -> what is hot under it now."""
        return {name: watch.hot for name, watch in self.watches.items() if watch.hot}
