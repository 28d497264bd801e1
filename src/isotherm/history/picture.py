"""The picture: a whole page's heat as PNG, with a legend that says of what, of when, and how much.

Drawn in the document's own proportions, tiles as the overlay draws them. What the page looked like is not kept, so it is heat on white.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from isotherm.history.colours import shades
from isotherm.history.figures import Figures

__all__ = ["draw"]

_WIDTH_PX: Final = 1200
_WIDTH_PX_MIN: Final = 480  #: a legend needs room
_HEIGHT_PX_MAX: Final = 8000
_SIZE_UNKNOWN: Final = (1280.0, 1280.0)
_MARGIN_PX: Final = 24
_LEGEND_PX: Final = 132
_BAR_PX: Final = (220, 14)
_INK, _FAINT, _LINE = (23, 23, 28), (96, 96, 106), (208, 208, 214)


def draw(figures: Figures) -> bytes:
    """The picture as PNG. Takes some tens of ms."""
    width, height = _size(figures.size or _SIZE_UNKNOWN)
    side = figures.grid_size
    hottest = int(figures.counts.max(initial=0))
    tiles = Image.fromarray(shades(figures.counts.reshape(side, side), hottest))
    room = max(width, _WIDTH_PX_MIN)
    image = Image.new("RGB", (room + 2 * _MARGIN_PX, height + 2 * _MARGIN_PX + _LEGEND_PX), "white")
    image.paste(tiles.resize((width, height), Image.Resampling.NEAREST), (_MARGIN_PX, _MARGIN_PX + _LEGEND_PX))
    pen = ImageDraw.Draw(image)
    corner = (_MARGIN_PX + width, _MARGIN_PX + _LEGEND_PX + height)
    pen.rectangle((_MARGIN_PX - 1, _MARGIN_PX + _LEGEND_PX - 1, *corner), outline=_LINE)
    _legend(image, pen, figures, hottest, room)
    out = BytesIO()
    image.save(out, "PNG", optimize=False)
    return out.getvalue()


def _size(document: tuple[float, float]) -> tuple[int, int]:
    scale = min(_WIDTH_PX / document[0], _HEIGHT_PX_MAX / document[1])
    return max(1, round(document[0] * scale)), max(1, round(document[1] * scale))


def _legend(image: Image.Image, pen: ImageDraw.ImageDraw, figures: Figures, hottest: int, room: int) -> None:
    large, small = ImageFont.load_default(22), ImageFont.load_default(14)
    left, top = _MARGIN_PX, _MARGIN_PX
    pen.text((left, top), _fitting(pen, figures.title, large, room), _INK, large)
    pen.text((left, top + 32), _fitting(pen, f"{_moment(figures.start_ms)} to {_moment(figures.end_ms)} UTC", small, room), _FAINT, small)
    people = "" if figures.people is None else f", {_number(figures.people)} {'person' if figures.people == 1 else 'people'}"
    samples = _counted(figures.total, figures.view.kind)
    pen.text((left, top + 52), _fitting(pen, f"{samples}{people}{figures.note}", small, room), _FAINT, small)
    if hottest:
        bar_width, bar_height = _BAR_PX
        steps = np.linspace(0, 1, bar_width) ** 2 * hottest  # heat is the root of a count's share
        strip = np.repeat(shades(np.maximum(steps, 1e-9), hottest)[None], bar_height, axis=0)
        image.paste(Image.fromarray(strip), (left, top + 82))
        pen.rectangle((left - 1, top + 81, left + bar_width, top + 82 + bar_height), outline=_LINE)
        pen.text((left + bar_width + 12, top + 80), f"up to {_counted(hottest, figures.view.kind)} a tile", _FAINT, small)
    else:
        pen.text((left, top + 80), "no heat in this range", _FAINT, small)


def _fitting(pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    if pen.textlength(text, font) <= room:
        return text
    while text and pen.textlength(text + "…", font) > room:
        text = text[:-1]
    return text + "…"


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _counted(number: int, kind: str) -> str:
    noun = {"rage": "rage click", "dead": "dead click"}.get(kind, kind)
    return f"{_number(number)} {noun}{'' if number == 1 else 's'}"


def _number(number: int) -> str:
    return f"{number:,}".replace(",", " ")
