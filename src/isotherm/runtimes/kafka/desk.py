"""The desk of a gateway: what all share of rules and of what fired, as the embedded runtime's desk shows its own.

Rules stand in `isotherm-settings`, what fired in `isotherm-reactions`; workers hold the one against the heat and write the other. Here
both are only followed: `take_rules` and `take` are told what came, in order, on the loop.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from isotherm.core.rules import Reaction, Rule
from isotherm.reactions.desk import Listener, check_may_put

__all__ = ["SharedDesk"]

_RECENT_MAX: Final = 1000

logger = logging.getLogger(__name__)

_About = tuple[str, str, str | None]  #: rule, page key, zone


class SharedDesk:
    """`write(name, rule)` puts a rule among those of all, None takes it away; it returns once it holds here."""

    def __init__(self, fixed: Sequence[Rule], write: Callable[[str, Rule | None], Awaitable[None]]) -> None:
        """`fixed`: of this gateway's file."""
        self._fixed = {rule.name: rule for rule in fixed}
        self._write = write
        self._rules: Mapping[str, Rule] = {}
        self._once_in_page: set[str] = set()  # rules that visitors were told of, and are no more
        self._recent: deque[tuple[int, Reaction]] = deque(maxlen=_RECENT_MAX)
        self._hot: dict[_About, None] = {}
        self._listeners: dict[Listener, None] = {}
        self._seq = 0

    # -- what all share

    def take_rules(self, rules: Mapping[str, Rule]) -> None:
        for name, rule in self._rules.items():
            if rule.in_page and name not in rules:
                self._once_in_page.add(name)
        self._once_in_page -= rules.keys()
        self._rules = rules

    def take(self, told: Iterable[tuple[int, Reaction]], *, new: bool) -> None:
        """What fired. `new`: listeners have not heard of it, however long ago it was."""
        for seq, reaction in told:
            if seq <= self._seq:
                continue
            self._seq = seq
            self._recent.append((seq, reaction))
            about = (reaction.rule, reaction.site + reaction.page, reaction.zone)
            if reaction.type == "hot":
                self._hot[about] = None
            else:
                self._hot.pop(about, None)
            if new:
                logger.info("%s %s%s %s: %s", reaction.type, reaction.site, reaction.page, reaction.zone or "", reaction.why)
                for listener in list(self._listeners):
                    listener(seq, reaction)

    # -- rules

    @property
    def rules(self) -> list[tuple[Rule, bool]]:
        """All rules; True: it stands in this gateway's file."""
        return [(rule, name in self._fixed) for name, rule in self._rules.items()]

    async def put(self, rule: Rule) -> None:
        """Makes or replaces a rule. Raises `RuleError`, `ReactionError`."""
        check_may_put(rule.name, self._fixed, self._rules)
        await self._write(rule.name, rule)

    async def drop(self, name: str) -> bool:
        """Takes a rule away; False: there is none, or it stands in this gateway's file. Raises `ReactionError`."""
        if name in self._fixed or name not in self._rules:
            return False
        await self._write(name, None)
        return True

    async def put_fixed(self) -> None:
        """The rules of the file are those of all. Raises `ReactionError`."""
        for name, rule in self._fixed.items():
            if self._rules.get(name) != rule:
                await self._write(name, rule)

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
        known = [(self._rules[name], zone) for name, at, zone in self._hot if at == page and name in self._rules]
        return [(rule, zone) for rule, zone in known if rule.in_page and rule.page_key == page]

    def may_tell_page(self, reaction: Reaction) -> bool:
        rule = self._rules.get(reaction.rule)
        return rule.in_page if rule is not None else reaction.rule in self._once_in_page

    @property
    def hot(self) -> dict[str, list[str | None]]:
        """Rule -> what is hot under it now."""
        found: dict[str, list[str | None]] = {}
        for name, page, zone in self._hot:
            if name in self._rules and self._rules[name].page_key == page:
                found.setdefault(name, []).append(zone)
        return found
