"""The tutorial's classic events and our tracker's batches, as bytes on the wire; a walk of small steps, the same for the same number."""

from __future__ import annotations

import json
import random
from typing import Any

__all__ = ["batch", "classic"]


def classic(session: str, path: str, chance: random.Random) -> bytes:
    """Some 330 bytes, as the tutorial's tracker writes them."""
    return json.dumps(
        {
            "session_id": session,
            "type": "mousemove",
            "page_url": f"https://shop.example{path}?from=home",
            "relative_path": path,
            "query_prams": "?from=home",
            "buttons": 0,
            "window": {"width": 1280, "height": 2400},
            "mouse-coordinates": {"x": chance.randrange(1280), "y": chance.randrange(2400)},
        }
    ).encode()


def batch(session: str, path: str, seq: int, chance: random.Random, *, samples: int = 1, step_ms: int = 250, **more: Any) -> bytes:
    """One message of our tracker's, columns as plain numbers."""
    return json.dumps(
        {
            "v": 1, "session": session, "load": f"load-{session}", "seq": seq, "path": path, "w": 1280, "h": 2400, "vw": 1280,
            "kind": "move",
            "x": [chance.randrange(1280) for _ in range(samples)],
            "y": [chance.randrange(2400) for _ in range(samples)],
            "age": [step_ms * (samples - 1 - at) for at in range(samples)],
            **more,
        },
        separators=(",", ":"),
    ).encode()  # fmt: skip
