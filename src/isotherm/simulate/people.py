"""Who comes: a visitor's device, pace, patience and taste, drawn once."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

__all__ = ["DEVICES", "Device", "Person", "somebody"]


class Device(NamedTuple):
    """A window on the page. The widths are those that ``scripts/shop_layout.py`` measures at."""

    width_px: int
    height_px: int
    touch: bool


#: Each with how many of a hundred visitors have it: about what web statistics tell of shops, leaning to the desk.
DEVICES: Final = (
    (Device(1440, 820, touch=False), 36),
    (Device(1280, 650, touch=False), 16),
    (Device(1920, 950, touch=False), 17),
    (Device(390, 760, touch=True), 25),
    (Device(820, 1080, touch=True), 6),
)

_DEVICE_CHOICES: Final = tuple(device for device, _share in DEVICES)
_DEVICE_SHARES: Final = tuple(share for _device, share in DEVICES)


@dataclass(frozen=True, slots=True)
class Person:
    device: Device
    pace: float  #: 1 for most, more for the slow
    patience: float  #: things looked at on a page before it is left
    stay_ms: float  #: of the whole visit
    reads: float  #: how much more or less than others they read
    buys: float  #: chance to put something into the bag that was looked at closely
    hears: float  #: 0 to 1: how much of the crowd must have heard a rumour until this one has
    seed: int  #: of the taste

    def taste(self, product: str | None) -> float:
        """How much this one likes a product, as long as nothing draws everybody: 0.3 to 2."""
        return 1.0 if product is None else 0.3 + 1.7 * Random(f"{self.seed}{product}").random() ** 2


def somebody(chance: Random) -> Person:
    (device,) = chance.choices(_DEVICE_CHOICES, _DEVICE_SHARES)
    return Person(
        device=device,
        pace=min(max(chance.gauss(1.0, 0.2), 0.6), 1.8),
        patience=chance.lognormvariate(2.1, 0.45),
        stay_ms=min(max(chance.lognormvariate(11.2, 0.55), 15_000.0), 300_000.0),
        reads=chance.uniform(0.4, 1.6),
        buys=chance.uniform(0.05, 0.5),
        hears=chance.random(),
        seed=chance.getrandbits(32),
    )
