"""The judge under a clock that is set back: nobody is shut out until the clock has come there again."""

from __future__ import annotations

import pytest

from isotherm.core.limits import Limits
from isotherm.gateway.judge import Judge, Visit
from isotherm.gateway.messages import Refusal
from isotherm.gateway.senders import Sender

HOUR_MS = 3_600_000
SENDER = Sender("192.0.2.1", "https://shop.example")


def test_a_clock_set_back_owes_nobody_anything() -> None:
    """A session and an address that had used up their bursts an hour ahead start anew; from then on their rates hold as before."""
    judge = Judge(Limits(session_samples_per_s=1, session_burst_samples=10, address_samples_per_s=10, address_burst_samples=40))
    now_ms = 100 * HOUR_MS

    def send(samples: int, now_ms: int) -> None:
        judge.hold(SENDER, now_ms)
        judge.weigh([Visit("default", "s", "default/p", [now_ms] * samples, True, 1)], SENDER, now_ms)

    send(10, now_ms + HOUR_MS)
    judge.charge(SENDER, 1000, now_ms + HOUR_MS)
    with pytest.raises(Refusal):
        judge.hold(SENDER, now_ms + HOUR_MS)
    send(10, now_ms)
    with pytest.raises(Refusal):
        send(10, now_ms)
