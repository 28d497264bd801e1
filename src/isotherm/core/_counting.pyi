from typing import Any

INTERFACE: int

def meet(
    session: Any, page: Any, load: Any, seq: Any, size: Any, time_ms: Any,
    sessions: list[str], loads: list[str], sites: list[str], keys: list[str],
    newest: dict[Any, Any], fresh: Any, where: dict[Any, Any], seen: Any, to_fresh: Any, /,
) -> None: ...  # fmt: skip
def tally(
    x: Any, y: Any, time_ms: Any, kind: Any, counted: Any, kind_places: bytes,
    size: Any, page: Any, device: Any, width: Any, height: Any,
    hop_ms: int, grid_size: int, devices: int, layers: int,
    newest_ms: Any, to_page: Any, to_layer: Any, to_pane: Any, to_tile: Any, to_count: Any, to_row: Any, /,
) -> int: ...  # fmt: skip
def add(slab: Any, totals: Any, watched_rows: Any, tiles: int, chunks: list[Any], to_cells: Any, to_counts: Any, /) -> int: ...
