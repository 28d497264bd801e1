"""The judge's short way for one event, held to the long one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.limits import Limits
from isotherm.gateway.judge import Judge, Visit
from isotherm.gateway.messages import Refusal
from isotherm.gateway.senders import Sender

_LIMITS = Limits(
    session_samples_per_s=10,
    session_burst_samples=4,
    address_samples_per_s=20,
    address_burst_samples=6,
    address_sessions_max=2,
    sessions_max=4,
    site_pages_max=3,
)
_SENDERS = (Sender(), Sender(None, "https://shop.example"), Sender("192.0.2.1", "https://shop.example"), Sender("192.0.2.2"))

_events = st.lists(
    st.tuples(
        st.sampled_from(_SENDERS),
        st.sampled_from("abcde"),  # session
        st.sampled_from("1234"),  # page
        st.integers(-20_000, 500),  # event time, from now
        st.sampled_from([0, 1, 30, 100, 1_000, 700_000]),  # until the next
    ),
    max_size=60,
)


def _refusal(judge: Judge, short: bool, sender: Sender, visit: Visit, now_ms: int) -> tuple[str, int | None] | None:
    try:
        if short:
            judge.weigh_event(visit.site, visit.session, visit.page, visit.time_ms[0], sender, now_ms)
        else:
            judge.weigh([visit], sender, now_ms)
    except Refusal as refusal:
        return refusal.reason, refusal.retry_after_ms
    return None


@given(_events)
def test_one_event_is_judged_as_a_list_of_one(events: list[tuple[Sender, str, str, int, int]]) -> None:
    """Whatever came before, the short way takes and refuses what the long way does, with the same reason and delay."""
    short, long = Judge(_LIMITS), Judge(_LIMITS)
    now_ms = 1_700_000_000_000
    for sender, session, page, since_ms, pause_ms in events:
        visit = Visit("default", session, f"default/{page}", [now_ms + since_ms], sender.browser, None)
        assert _refusal(short, True, sender, visit, now_ms) == _refusal(long, False, sender, visit, now_ms)
        now_ms += pause_ms
    assert short.sessions == long.sessions
