"""History: what has been. Past minutes, hours and days of each page: kept, asked for, and written out.

keeper (what is fed waits, and is stored at the minute's end) -> store (SQLite) <- keeper.range, keeper.steps
storing (the same for a worker, from several sources) -> store, or postgres <- looking (another process that only reads)
endpoints: requests of viewers -> export (JSON, CSV), picture (PNG)
"""

from isotherm.history.keeper import History, Past, Step
from isotherm.history.store import HistoryError, NewerError, Retention

__all__ = ["History", "HistoryError", "NewerError", "Past", "Retention", "Step"]
