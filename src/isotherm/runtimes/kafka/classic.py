"""Classic events as records of `clickstream`: what the tutorial's own gateway writes, one event a record, keyed by its session.

That gateway can stay while all from Group By on is ours. The rules are those of our gateway: the same decoder, the default site's
URL rules, and the record's time where ours would take the time of arrival.
"""

from __future__ import annotations

from isotherm.core.pages import Page
from isotherm.core.records import RecordError
from isotherm.core.samples import Samples
from isotherm.core.sites import Site
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Classic, Ignored, Refusal, decode

__all__ = ["samples_of_event"]


def samples_of_event(value: bytes, key: bytes | None, record_ms: int, skew_ms: int, site: Site) -> Samples | None:
    """The sample of an event, its page by the site's rules; None where no layer wants its kind, or it is left out. Raises `RecordError`."""
    session = key.decode("utf-8", "replace") if key else None
    try:
        message = decode(value, session)
    except Refusal as refusal:
        raise RecordError(refusal.message) from None
    if isinstance(message, Ignored):
        return None
    path = site.page_path(message.path, message.query if isinstance(message, Classic) else None)
    if path is None:
        return None
    intake, page = Intake(), Page(site.key, path)
    if isinstance(message, Classic):
        intake.add_classic(message, page, None, _event_time_ms(message.timestamp_ms, record_ms, skew_ms), None)
    else:
        intake.add_batch(message, page, None, record_ms, None)
    drained = intake.drain(record_ms)
    return drained.samples if drained is not None else None


def _event_time_ms(timestamp_ms: float | None, record_ms: int, skew_ms: int) -> int:
    if timestamp_ms is None or timestamp_ms > record_ms + skew_ms:
        return record_ms
    return int(max(timestamp_ms, 0.0) // 1)
