"""The desk: rules held against the heat at each hop, and whoever wants to know told of what fired.

`hop` asks the source for the pages that rules name, and for no other, feeds the watches, and tells listeners at once; the log is written
behind them. Rules come from the operator's file (fixed) and from the page (kept in the store); of two with one name the file's holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from isotherm.core.rules import Moment, Reaction, Rule, RuleError, Watch
from isotherm.core.zones import ZoneNow
from isotherm.reactions.store import ReactionError, ReactionStore

__all__ = ["RULES_MAX", "Desk", "Listener", "Source"]

RULES_MAX: Final = 200
_RECENT_MAX: Final = 1000

Listener = Callable[[int, Reaction], None]
logger = logging.getLogger(__name__)


class Source(Protocol):
    """Who knows how hot pages and zones are."""

    def league(self, page: str) -> list[ZoneNow]: ...
    def people(self, page: str) -> int: ...


class Desk:
    """One server's rules. `behind(work)` runs a function on another thread, in order; `on_pages` hears which pages rules name."""

    def __init__(
        self,
        store: ReactionStore,
        source: Source,
        *,
        fixed: Sequence[Rule] = (),
        behind: Callable[[Callable[[], None]], object] = lambda work: work(),
        on_pages: Callable[[set[str]], object] = lambda _pages: None,
    ) -> None:
        self._store = store
        self._source = source
        self._behind = behind
        self._on_pages = on_pages
        self._fixed = {rule.name: rule for rule in fixed}
        self._made = {rule.name: rule for rule in store.rules()}
        self._watches: dict[str, Watch] = {}
        self._listeners: dict[Listener, None] = {}
        self._seq = store.last_seq
        self._recent = store.since(0, _RECENT_MAX)
        self._ended: dict[str, Watch] = {}  # rules that were taken away while something was hot under them
        self._settle()
        self._recall()

    # -- rules

    @property
    def rules(self) -> list[tuple[Rule, bool]]:
        """All rules; True: it stands in the operator's file."""
        return [(watch.rule, watch.rule.name in self._fixed) for watch in self._watches.values()]

    def put(self, rule: Rule) -> None:
        """Makes or replaces a rule. Raises `RuleError`, `ReactionError`."""
        if rule.name in self._fixed:
            raise RuleError(f"rule {rule.name!r} stands in the settings file: change it there")
        if rule.name not in self._made and len(self._watches) >= RULES_MAX:
            raise RuleError(f"expected at most {RULES_MAX} rules: remove one first")
        self._store.put_rule(rule)
        self._made[rule.name] = rule
        self._settle()

    def drop(self, name: str) -> bool:
        """Takes a rule away; False: it was not made here. Raises `ReactionError`."""
        if name not in self._made:
            return False
        self._store.drop_rule(name)
        del self._made[name]
        self._settle()
        return True

    def _settle(self) -> None:
        """A rule that stayed as it was keeps its state."""
        wanted = self._made | self._fixed
        before, self._watches = self._watches, {}
        for name, rule in wanted.items():
            known = before.pop(name, None)
            if known is not None and known.rule == rule:
                self._watches[name] = known
                continue
            self._watches[name] = Watch(rule)
            if known is not None and known.rule.page_key != rule.page_key:
                before[name] = known
            elif known is not None:
                for zone in known.hot:
                    self._watches[name].recall(zone)
        self._ended |= {name: watch for name, watch in before.items() if watch.hot}
        self._on_pages({rule.page_key for rule in wanted.values()})

    def _recall(self) -> None:
        """What was hot when the process before this one ended is hot: it is told when it cools, as those who heard of it expect."""
        newest = {(reaction.rule, reaction.site + reaction.page, reaction.zone): reaction.type for _, reaction in self._recent}
        for (name, page, zone), type_ in newest.items():
            watch = self._watches.get(name)
            if type_ == "hot" and watch is not None and watch.rule.page_key == page:
                watch.recall(zone)

    # -- the hop

    def hop(self, now_ms: int) -> list[Reaction]:
        """Feeds every rule with what is now; tells what fired."""
        if not self._watches and not self._ended:
            return []
        known: dict[str, tuple[Moment, dict[str, Moment]]] = {}
        fired: list[Reaction] = [reaction for watch in self._ended.values() for reaction in watch.end(now_ms)]
        for watch in self._watches.values():
            key = watch.rule.page_key
            if key not in known:
                known[key] = self.moment(self._source, key)
            fired += watch.feed(now_ms, *known[key])
        self._tell(fired)
        self._ended.clear()
        return fired

    @staticmethod
    def moment(source: Source, page: str) -> tuple[Moment, dict[str, Moment]]:
        """A page and its zones as rules see them."""
        league = source.league(page)
        whole = Moment(1.0 if league else 0.0, source.people(page), sum(zone.clicks for zone in league))
        return whole, {zone.name: Moment(zone.share, zone.people, zone.clicks) for zone in league}

    def _tell(self, fired: list[Reaction]) -> None:
        if not fired:
            return
        numbered = []
        for reaction in fired:
            self._seq += 1
            numbered.append((self._seq, reaction))
        self._recent = (self._recent + numbered)[-_RECENT_MAX:]
        self._behind(lambda: self._note(numbered))
        for seq, reaction in numbered:
            logger.info("%s %s%s %s: %s", reaction.type, reaction.site, reaction.page, reaction.zone or "", reaction.why)
            for listener in list(self._listeners):
                listener(seq, reaction)

    def _note(self, numbered: list[tuple[int, Reaction]]) -> None:
        try:
            self._store.note(numbered)
        except ReactionError as error:
            logger.error("what fired could not be kept: %s", error)

    # -- who wants to know

    def since(self, seq: int) -> list[tuple[int, Reaction]]:
        """What fired after that number, oldest first: of the newest thousand."""
        return [(number, reaction) for number, reaction in self._recent if number > seq]

    def listen(self, listener: Listener) -> None:
        self._listeners[listener] = None

    def unlisten(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)

    def in_page(self, page: str) -> list[tuple[Rule, str | None]]:
        """What is hot on a page now, of the rules that its visitors may be told of."""
        return [
            (watch.rule, zone)
            for watch in self._watches.values()
            if watch.rule.in_page and watch.rule.page_key == page
            for zone in watch.hot
        ]

    def may_tell_page(self, reaction: Reaction) -> bool:
        watch = self._ended.get(reaction.rule) or self._watches.get(reaction.rule)
        return watch is not None and watch.rule.in_page

    @property
    def hot(self) -> dict[str, list[str | None]]:
        """Rule -> what is hot under it now."""
        return {name: watch.hot for name, watch in self._watches.items() if watch.hot}
