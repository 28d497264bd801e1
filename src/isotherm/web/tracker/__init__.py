"""The tracker as browsers get it: `tracker.js`, made small, under the names that the operator chose.

`tracker.js` is the source. `tracker.min.js` is what `npm run tracker` makes of it (terser: a shortener that renames; one that only strips
blanks leaves it too large), kept in the tree so that serving needs no Node.js. A test holds the two together.

`tracker.min.js.br` is the same compressed with brotli (`npm run tracker.br`), for browsers that take it, as all do over TLS: a tenth less
than by gzip. `tracker.min.js.gz` is gzip as zopfli writes it (`npm run tracker.gz`), some 37 bytes less than zlib's best. Both hold for the
names as they are built; under others the script is compressed by zlib.

In the built file the script's name and the ingest path stand once each; `served_tracker` puts the configured ones there.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

__all__ = ["INGEST_PATH", "TRACKER_NAME", "compressed_tracker", "served_tracker"]

TRACKER_NAME: Final = "tracker.js"
INGEST_PATH: Final = "/clickstream"

_BUILT: Final = Path(__file__).with_name("tracker.min.js")
_COMPRESSED: Final = {"br": ".br", "gzip": ".gz"}  #: files beside the built one, by encoding, the smallest first
_NAME: Final = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
_PATH: Final = re.compile(r"(/[\w.-]+)+", re.ASCII)


@lru_cache(maxsize=8)
def served_tracker(name: str = TRACKER_NAME, ingest_path: str = INGEST_PATH) -> bytes:
    """The script's bytes. `name` is its path under the host without the first slash; it finds its own tag by it.

    Both are letters, digits, `_`, `-`, `.` and slashes between: they become part of a program. Raises `ValueError`.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected a tracker name like `tracker.js` or `js/page.js`, got {name!r}")
    if not _PATH.fullmatch(ingest_path):
        raise ValueError(f"expected an ingest path like `/clickstream`, got {ingest_path!r}")
    chosen = {TRACKER_NAME: name, INGEST_PATH: ingest_path}
    script, count = re.subn("|".join(map(re.escape, chosen)), lambda found: chosen[found[0]], _BUILT.read_text("utf-8"))
    assert count == len(chosen), f"each name stands once in {_BUILT.name}"
    return script.encode()


def compressed_tracker(name: str = TRACKER_NAME, ingest_path: str = INGEST_PATH) -> dict[str, bytes]:
    """The same by its encodings, as `Accept-Encoding` names them, the smallest first."""
    if (name, ingest_path) == (TRACKER_NAME, INGEST_PATH):
        return {encoding: _BUILT.with_name(_BUILT.name + suffix).read_bytes() for encoding, suffix in _COMPRESSED.items()}
    return {"gzip": gzip.compress(served_tracker(name, ingest_path), 9, mtime=0)}
