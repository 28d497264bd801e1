"""The overlay's colours, for pictures that are drawn here: inferno on light ground, lifted contrast, tiles.

The table, its bounds and the opacity are those of ``web/shared/heat/scales.js`` and ``shades.js``, where the reasons stand; a test holds
the two together.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["colours", "shades"]

_INFERNO: Final = (
    "0000040403120b0724150b37210c4a2f0a5b3d09654a0c6b57106e64156e71196e7d1e6d8a226a972766a32c61b0315bbc3754c63d4dd04545"
    "da4e3ce35933eb6429f1711ff67e14f98c0afb9b06fcaa0ffbba1ff9c932f5d949f2e865f3f586fcffa4"
)
_STOPS: Final = np.frombuffer(bytes.fromhex(_INFERNO), np.uint8).reshape(-1, 3).astype(np.float64)
_COLD, _HOT = 0.93, 0.22


def colours(heat: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Red, green and blue, 0 … 255, of each heat 0 (cold) … 1 (hottest)."""
    at = (_COLD + (_HOT - _COLD) * np.clip(heat, 0, 1)) * (len(_STOPS) - 1)
    stop = np.minimum(len(_STOPS) - 2, np.floor(at)).astype(np.intp)
    part = (at - stop)[..., None]
    mixed: npt.NDArray[np.float64] = np.floor(_STOPS[stop] * (1 - part) + _STOPS[stop + 1] * part + 0.5)
    return mixed


def shades(counts: npt.NDArray[Any], hottest: int) -> npt.NDArray[np.uint8]:
    """The pixels of tiles with these counts on white: red, green and blue; a cold one is white."""
    share = counts / max(1, hottest)
    heat = np.sqrt(share)
    opacity = np.where(counts > 0, 0.45 + 0.5 * heat, 0)[..., None]
    pixels: npt.NDArray[np.uint8] = np.rint(colours(heat) * opacity + 255 * (1 - opacity)).astype(np.uint8)
    return pixels
