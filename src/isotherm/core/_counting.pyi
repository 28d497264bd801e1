from typing import Any

INTERFACE: int

class Known:
    def meet(
        self, session: Any, page: Any, load: Any, seq: Any, size: Any, time_ms: Any,
        sessions: list[str], loads: list[str], keys: list[str],
        newest: dict[Any, Any], where: dict[Any, Any], slow: Any, to_fresh: Any, /,
    ) -> int: ...  # fmt: skip
    def release(self, newest: dict[Any, Any], where: dict[Any, Any], whos: list[tuple[str, str]] | None, /) -> None: ...

class ZoneSums:
    def make(self, row: int, page: int, /) -> None: ...
    def refer(self, entries: Any, /) -> None: ...
    def drop(self, entries: Any, /) -> list[int]: ...
    def enter(self, entries: Any, pane: int, /) -> None: ...
    def leave(self, entries: Any, pane: int, /) -> None: ...
    def recent(self, entries: Any, sign: int, kinds: int, /) -> None: ...
    def of(self, row: int, kinds: int, /) -> tuple[list[int], int, int]: ...
    def people(self, page: int, /) -> int: ...

def tally(
    x: Any, y: Any, time_ms: Any, kind: Any, kind_places: bytes, is_fresh: Any, within: Any,
    size: Any, page: Any, device: Any, width: Any, height: Any,
    hop_ms: int, grid_size: int, devices: int, layers: int, to_columns: Any, to_newest_ms: Any, to_row: Any, /,
) -> int: ...  # fmt: skip
def locate(
    place: Any, page: Any, layer: Any, pane: Any, tile: Any, count: Any, rows: Any, references: Any,
    tiles: int, layers: int, plain_layers: int, to_cells: Any, to_counts: Any, to_samples: Any, /,
) -> tuple[int, int, bool] | None: ...  # fmt: skip
def tell(
    place: Any, samples: Any, visitors: list[int], newest_ms: list[int],
    to_known: Any, to_visitors: Any, to_newest_ms: Any, to_rate: Any, to_rate_at_ms: Any, now_ms: int, span_ms: float, /,
) -> list[int]: ...  # fmt: skip
def add(slab: Any, totals: Any, watched_rows: Any, tiles: int, chunks: list[Any], /) -> tuple[bytes, bytes]: ...
def drop(cells: Any, references: Any, tiles: int, /) -> list[int]: ...
def zone_tally(
    anchor: Any, kind: Any, time_ms: Any, kind_places: bytes, is_counted: Any, size: Any, page: Any, session: Any, person: Any,
    hop_ms: int, to_rows: Any, /,
) -> int: ...  # fmt: skip
def pairs(page: Any, zone: Any, to_pair: Any, /) -> list[int]: ...
def arrange(
    pair: Any, rows: Any, pane: Any, kind: Any, person: Any, count: Any, lowest: int, to_starts: Any, to_entries: Any, /
) -> int: ...
