"""Layers: what is counted apart on a page. A layer is a kind of sample and a class of device.

Stored are the kinds below by the three device classes; ``all`` is their sum and is never stored. The first `PLAIN_KINDS` are samples by
themselves; the others say more of samples that are counted already (a click in anger, or one that nothing followed, is a click), and are
in no total.

Samples of `VIEW_KINDS` lie on no tile and have no layer: they tell which part of the page is in view (`core/views.py`).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "ALL_DEVICES",
    "CLASSIC_KINDS",
    "DEVICES",
    "KINDS",
    "LAYERS",
    "PLAIN_KINDS",
    "PLAIN_LAYERS",
    "SAMPLE_KINDS",
    "SENT_KINDS",
    "VIEW_KINDS",
    "device_of",
    "layers_of",
]

KINDS: Final = ("move", "click", "rage", "dead")
PLAIN_KINDS: Final = 2  #: so many of them, the first, are samples by themselves
VIEW_KINDS: Final = ("view", "leave")  #: this is in view from now on; nothing is any more
SAMPLE_KINDS: Final = (*KINDS, *VIEW_KINDS)  #: of all samples that the gateway keeps
SENT_KINDS: Final = frozenset(("move", "click", "dead", *VIEW_KINDS))  #: what a sender may call a sample; the other is found by the server
DEVICES: Final = ("mobile", "tablet", "desktop")
ALL_DEVICES: Final = "all"
LAYERS: Final = len(KINDS) * len(DEVICES)  #: a layer's number is kind x 3 + device
PLAIN_LAYERS: Final = PLAIN_KINDS * len(DEVICES)
CLASSIC_KINDS: Final = {"mousemove": "move", "click": "click"}  #: the classic event's `type` -> our kind

_TABLET_FROM_PX: Final = 768
_DESKTOP_FROM_PX: Final = 1024


def device_of(viewport_width_px: float) -> int:
    """The device class (place in `DEVICES`) of a viewport that is so wide."""
    return 0 if viewport_width_px < _TABLET_FROM_PX else 1 if viewport_width_px < _DESKTOP_FROM_PX else 2


def layers_of(kind: str, device: str) -> npt.NDArray[Any]:
    """The stored layers that make up a kind and device class (or ``all``). Raises `ValueError` with the choice there is."""
    if kind not in KINDS:
        raise ValueError(f"expected kind to be one of {', '.join(KINDS)}, got {kind!r}")
    base = KINDS.index(kind) * len(DEVICES)
    if device == ALL_DEVICES:
        return np.arange(base, base + len(DEVICES))
    if device not in DEVICES:
        raise ValueError(f"expected device to be one of {ALL_DEVICES}, {', '.join(DEVICES)}, got {device!r}")
    return np.array([base + DEVICES.index(device)])
