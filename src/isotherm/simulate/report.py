"""What happened so far, in numbers that all visitors add to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Report"]


@dataclass(slots=True)
class Report:
    """Every sample that was ``taken`` ends as one of ``acked``, ``refused`` (for good) and ``shed``, or is still on its way."""

    seconds: float = 0.0
    visitors: int = 0  #: who came
    present: int = 0  #: who is there now
    taken: int = 0  #: samples
    acked: int = 0
    refused: int = 0
    shed: int = 0  #: given up: too old, too many waiting, or no answer at the end
    frames: int = 0
    retried: int = 0  #: answers that asked to come again later
    connections_lost: int = 0
    last_refusal: str | None = None  #: in the server's words

    def __str__(self) -> str:
        lost = f", {self.connections_lost} connections lost" if self.connections_lost else ""
        missing = f", {self.refused} refused ({self.last_refusal}), {self.shed} given up" if self.refused or self.shed else ""
        return (
            f"{self.seconds:.0f} s: {self.present} here, {self.visitors} came; "
            f"{self.taken} samples taken, {self.acked} acknowledged{missing}{lost}"
        )
