"""The desk: rules held against the heat at each hop, and whoever wants to know told of what fired.

`hop` asks the source for the pages that rules name, and for no other, feeds the watches, and tells listeners at once; the log is written
behind them. Rules come from the operator's file (fixed) and from the page (kept in the store); of two with one name the file's holds.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Container, Sequence
from typing import Final, Protocol

from isotherm.core.rules import Reaction, Rule, RuleError
from isotherm.core.watching import Sight, Source, Watching
from isotherm.reactions.store import ReactionError, ReactionStore

__all__ = ["RULES_MAX", "AnyDesk", "Desk", "Listener", "check_may_put"]

RULES_MAX: Final = 200
_RECENT_MAX: Final = 1000

Listener = Callable[[int, Reaction], None]
logger = logging.getLogger(__name__)


def check_may_put(name: str, fixed: Container[str], known: Collection[str]) -> None:
    """Raises `RuleError` for a rule that is `fixed`, or one more than may be `known`."""
    if name in fixed:
        raise RuleError(f"rule {name!r} was given at the start, by the settings file or the demo: change it there")
    if name not in known and len(known) >= RULES_MAX:
        raise RuleError(f"expected at most {RULES_MAX} rules: remove one first")


class AnyDesk(Protocol):
    """What those who show rules and reactions need of a desk, whoever holds the rules. Raises as `Desk` does."""

    @property
    def rules(self) -> list[tuple[Rule, bool]]: ...
    @property
    def hot(self) -> dict[str, list[str | None]]: ...
    def put(self, rule: Rule) -> Awaitable[None] | None: ...
    def drop(self, name: str) -> Awaitable[bool] | bool: ...
    def since(self, seq: int) -> list[tuple[int, Reaction]]: ...
    def listen(self, listener: Listener) -> None: ...
    def unlisten(self, listener: Listener) -> None: ...


class Desk:
    """One server's rules. `behind(work)` runs a function on another thread, in order; `on_pages` hears which pages rules name."""

    def __init__(
        self,
        store: ReactionStore,
        source: Source,
        *,
        sight: Sight | None = None,
        fixed: Sequence[Rule] = (),
        behind: Callable[[Callable[[], None]], object] = lambda work: work(),
        on_pages: Callable[[set[str]], object] = lambda _pages: None,
    ) -> None:
        self._store = store
        self._source = source
        self._sight = sight
        self._behind = behind
        self._on_pages = on_pages
        self._fixed = {rule.name: rule for rule in fixed}
        self._made = {rule.name: rule for rule in store.rules()}
        self._watching = Watching()
        self._listeners: dict[Listener, None] = {}
        self._seq = store.last_seq
        self._recent = store.since(0, _RECENT_MAX)
        self._settle()
        self._watching.recall((reaction for _, reaction in self._recent), orphans=True)

    # -- rules

    @property
    def rules(self) -> list[tuple[Rule, bool]]:
        """All rules; True: it stands in the operator's file."""
        return [(watch.rule, watch.rule.name in self._fixed) for watch in self._watching.watches.values()]

    def put(self, rule: Rule) -> None:
        """Makes or replaces a rule. Raises `RuleError`, `ReactionError`."""
        check_may_put(rule.name, self._fixed, self._watching.watches)
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
        wanted = self._made | self._fixed
        self._watching.settle(wanted)
        self._on_pages({rule.page_key for rule in wanted.values()})

    # -- the hop

    def hop(self, now_ms: int) -> list[Reaction]:
        """Feeds every rule with what is now; tells what fired."""
        if self._watching.idle:
            return []
        fired = self._watching.hop(now_ms, self._source, self._sight)
        self._tell(fired)
        return fired

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
        return self._watching.in_page(page)

    def may_tell_page(self, reaction: Reaction) -> bool:
        return self._watching.may_tell_page(reaction)

    @property
    def hot(self) -> dict[str, list[str | None]]:
        """Rule -> what is hot under it now."""
        return self._watching.hot
