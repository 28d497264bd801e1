"""Meeting: which batches are no repeats, and who is where, brought up to date together, a record at a time.

Both are dictionaries of Python's, a few look-ups a batch. Where the compiled loops are, sessions that go on as they did (the next batch of
their load, from the same page) are `Known` to them (`loops/known.c`), at one look a batch, by number where the intake gave one
(`samples.Numbered`). The dictionaries then hold all others, and what is known is written back to them before anything else reads it:
before loads are forgotten, before silent sessions are looked at.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.presence import Presence
from isotherm.core.recollection import Recollection
from isotherm.core.repeats import Repeats
from isotherm.core.samples import NO_LOAD, Samples
from isotherm.core.visits import Visit

__all__ = ["Meeting"]

_Slow = tuple[bool, tuple[str, str], tuple[str, str] | None]


class Meeting:
    """Feed it records in their order, with the time of their arrival; let silent sessions go with `expire`."""

    def __init__(self) -> None:
        self.repeats = Repeats()
        self.presence = Presence()
        self._known = counting.compiled.Known() if counting.compiled is not None else None
        self.repeats.before_turn = self._release
        self.presence.before_look = self._release

    def meet(self, samples: Samples, keys: list[str]) -> tuple[npt.NDArray[np.bool_], int]:
        """Which runs are no repeats, one element a run, and how many samples the others have; and remembers who was seen where.

        `keys` are those of the samples' pages.
        """
        self.repeats.turn(samples.arrived_ms)
        runs = samples.runs
        if self._known is None:
            fresh = self._meet_in_python(samples, keys)
            return fresh, int(runs.size[~fresh].sum())
        fresh = np.empty(len(runs), np.bool_)
        numbered = runs.numbered
        number, table = (None, 0) if numbered is None else (numbered.number, numbered.table)
        repeated = self._known.meet(
            runs.session, runs.page, runs.load, runs.seq, runs.size, samples.time_ms, number, table, samples.sessions, samples.loads, keys,
            self.repeats.newest, self.presence.where, self._meet_one, fresh,
        )  # fmt: skip
        return fresh, repeated

    def relive(self, arrived_ms: int, visits: Iterable[Visit]) -> None:
        """Takes what was met before, without its samples."""
        self.repeats.turn(arrived_ms)
        self._release(None)
        for page, session, load, seq, last_ms in visits:
            self._meet_one(session, page, load, seq, last_ms)

    def recollection(self) -> Recollection:
        """All that is known, as of now; some 50 ns a load."""
        if self._known is not None:
            self._known.write(self.repeats.newest, self.presence.where)
        return Recollection(*self.repeats.snapshot(), self.presence.where.copy())

    def restore(self, recollection: Recollection) -> None:
        """Takes up what was known, where nothing is known yet."""
        self._release(None)
        self.repeats.restore(recollection.turned_ms, recollection.young, recollection.old)
        self.presence.restore(recollection.where)

    def expire(self, now_ms: int) -> dict[str, int]:
        """Lets silent sessions go; returns the pages whose number of visitors changed since last asked."""
        self.presence.expire(now_ms)
        return self.presence.changes()

    def _release(self, whos: list[tuple[str, str]] | None) -> None:
        if self._known is not None:
            self._known.release(self.repeats.newest, self.presence.where, whos)

    def _meet_in_python(self, samples: Samples, keys: list[str]) -> npt.NDArray[np.bool_]:
        runs, fresh, sessions = samples.runs, [], samples.sessions
        ends = np.cumsum(runs.size)
        columns = zip(
            runs.session.tolist(), runs.page.tolist(), runs.load.tolist(), runs.seq.tolist(), runs.size.tolist(), ends.tolist(),
            strict=True,
        )  # fmt: skip
        for session, page, load_at, seq, size, end in columns:
            load = samples.loads[load_at] if load_at != NO_LOAD else None
            last_ms = int(samples.time_ms[end - 1]) if size else None
            fresh.append(self._meet_one(sessions[session], keys[page], load, seq, last_ms)[0])
        return np.array(fresh, np.bool_)

    def _meet_one(self, session: str, page_key: str, load: str | None, seq: int, last_ms: int | None) -> _Slow:
        """One batch (`load` None: an event, which can't be told from a repeat): whether it is no repeat, and what it is remembered by."""
        new = load is None or self.repeats.fresh(session, load, seq)
        site = page_key.partition("/")[0]
        if new and last_ms is not None:
            self.presence.seen(site, session, page_key, last_ms)
        return new, (site, session), None if load is None else (session, load)
