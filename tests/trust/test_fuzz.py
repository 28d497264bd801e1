"""Every decoder that reads from outside, fed with what once was well formed: it answers by a value that keeps its promises, or by its named error.

What is found goes into the corpus, so that it is tried again first. In CI each decoder gets some thousand inputs; `make nightly` goes on
for `FUZZ_S` seconds each (an hour, unless the environment says otherwise).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.access.keys import Keys
from isotherm.core.columns import ColumnError, unpack
from isotherm.core.count_records import counts_from_record
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.pages import canonical_path
from isotherm.core.records import RecordError, decode_clickstream, decode_grouped, decode_heatmap, decode_interest, encode, tick_of
from isotherm.core.rules import RuleError, reaction_from_json, reaction_json, rule_from_json, rule_to_json
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.sites import Site, SiteError, normal_origin, site_from_json
from isotherm.core.spots import Spots
from isotherm.core.visits import visits_of
from isotherm.core.webhooks import WebhookError, webhook_from_json
from isotherm.core.webhooks import message as told
from isotherm.gateway.messages import Batch, Classic, Ignored, Refusal, decode, seq_of, split
from isotherm.live.spots import SpotGroups
from isotherm.runtimes.kafka.classic import samples_of_event
from isotherm.runtimes.kafka.deliveries import Known
from isotherm.runtimes.kafka.shared import Shared
from tests.trust.fuzzing import corpus, mutated

FUZZ_S = float(os.environ.get("FUZZ_S", "3600"))
NOW_MS = 1_700_000_000_000


def sayable(refusal: Refusal) -> None:
    """A refusal is JSON that says something."""
    assert json.loads(refusal.answer())["error"]


def same(read: int | None, looked_at: int | None) -> None:
    """The number of a batch, for whoever reads all of it and for whoever only looks at it. What has the fields of an event besides is only
    told by reading."""
    assert looked_at in (None, read)


def message(data: bytes) -> None:
    """What the gateway takes: each number within what the wire allows; else a refusal that can be sent."""
    number = seq_of(data)
    try:
        found = decode(data, "fallback")
    except Refusal as refusal:
        sayable(refusal)
        same(refusal.seq, number)
        return
    if isinstance(found, Batch):
        lengths = {len(found.x), len(found.y), len(found.age_ms), len(found.kind)}
        assert len(lengths) == 1
        assert 1 <= len(found.x) + found.ignored <= 1000
        assert np.isfinite(np.concatenate([found.x, found.y, found.age_ms])).all()
        assert ((found.age_ms >= 0) & (found.age_ms <= 600_000)).all()
    if isinstance(found, Classic):
        assert np.isfinite([found.x, found.y, found.width, found.height]).all()
    if not isinstance(found, Ignored):
        assert found.path.startswith("/")
        assert len(found.path.encode()) <= 2048
        assert 1 <= len(found.session.encode()) <= 128
        assert min(found.width, found.height) > 0
    with contextlib.suppress(RecordError):  # the same bytes as a record of the tutorial's gateway
        samples_of_event(data, b"key", NOW_MS, 10_000, Site("default"))


def body(data: bytes) -> None:
    """A beacon: its parts are messages."""
    try:
        parts = split(data)
    except Refusal as refusal:
        sayable(refusal)
        return
    assert 1 <= len(parts) <= 1000
    for part in parts[:5]:
        message(part)


def clickstream(data: bytes) -> None:
    """A record of a topic that others may write to: what is taken can be counted, and is the same record again."""
    with contextlib.suppress(RecordError):
        visits_of(data)
    try:
        if tick_of(data) is not None:
            return
        samples = samples_from_record(decode_clickstream(data))
    except RecordError:
        return
    again = samples_from_record(samples_to_record(samples))
    assert again.time_ms.tolist() == samples.time_ms.tolist()
    counts = GroupBy(grid_size=50, hop_ms=250).group(samples)
    assert ((counts.tile >= 0) & (counts.tile < 2500)).all()
    assert int(counts.count.sum()) <= len(samples)


def grouped(data: bytes) -> None:
    """A page's counts."""
    try:
        record = decode_grouped(data)
        counts = counts_from_record(record)
    except RecordError:
        return
    assert ((counts.tile >= 0) & (counts.tile < record.grid_size**2)).all()
    assert (counts.count >= 0).all()


def heatmap(data: bytes) -> None:
    """A heat map."""
    with contextlib.suppress(RecordError):
        encode(decode_heatmap(data))


def interest(data: bytes) -> None:
    """Who watches."""
    with contextlib.suppress(RecordError):
        encode(decode_interest(data))


def column(data: bytes) -> None:
    """A packed column, in a fresh array of its own."""
    try:
        found = unpack(data.decode("utf-8", "replace"))
    except ColumnError:
        return
    assert found.ndim == 1


def address(data: bytes) -> None:
    """A path, a query, an origin: canonical is canonical, and a site's rules take whatever comes."""
    text = data.decode("utf-8", "replace")
    path = "/" + text
    assert canonical_path(canonical_path(path)) == canonical_path(path)
    with contextlib.suppress(SiteError):
        assert normal_origin(normal_origin(text)) == normal_origin(text)


def site(data: bytes) -> None:
    """A record of the settings."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    with contextlib.suppress(SiteError):
        page = (found := site_from_json(value)).page_path("/p/1?q=1")
        assert page is None or page.startswith("/")
        assert found.key in (value["key"],)


def settings_record(data: bytes) -> None:
    """A record of `isotherm-settings`, `isotherm-deliveries` and `isotherm-reactions`: key, line end, value. What is refused changes nothing."""
    key, _, value = data.partition(b"\n")
    name, shared, known = key.decode("utf-8", "replace"), Shared(), Known()
    before = vars(shared.copy())
    try:
        shared.take(name, value)
    except RecordError:
        assert vars(shared) == before
    shared.turn(NOW_MS)
    for one in shared.sites:
        one.page_path("/p/1?q=1")
    with contextlib.suppress(RecordError):
        known.take(name, value)
    known.turn(NOW_MS)
    with contextlib.suppress(RuleError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        reaction = reaction_from_json(msgspec.json.decode(value))
        assert reaction_from_json(msgspec.json.decode(msgspec.json.encode(reaction_json(reaction)))) == reaction
        assert told(reaction), "a webhook can be told of it"


def rule(data: bytes) -> None:
    """A rule, or a webhook, as `PUT /api/rules` and the operator's file have it: what is taken can be kept, and is the same again."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    with contextlib.suppress(RuleError):
        found = rule_from_json(value)
        assert rule_from_json(msgspec.json.decode(msgspec.json.encode(rule_to_json(found)))) == found
        found.fits("#main")
    with contextlib.suppress(WebhookError):
        assert webhook_from_json(value).host


class Hearer:
    """A viewer of `/live`."""

    def __init__(self) -> None:
        self.told: list[str | bytes] = []

    def push(self, frame: str | bytes) -> bool:
        self.told.append(frame)
        return True

    def abort(self) -> None:
        """It never is."""


def wish(data: bytes) -> None:
    """What the overlay may say on `/live`: one answer at most, and a viewer that leaves is forgotten."""
    view = View("default/p", "move", "all")
    for spots in (None, Spots(window_ms=1000, hop_ms=250, skew_ms=0)):
        groups, viewer = SpotGroups(spots), Hearer()
        groups.hear(view, viewer, data)
        assert len(viewer.told) <= 1
        assert all("spots" in json.loads(frame) for frame in viewer.told)
        groups.leave(view, viewer)
        assert spots is None or not spots.asked


DECODERS: list[Callable[[bytes], None]] = [
    message, body, clickstream, grouped, heatmap, interest, column, address, site, settings_record, rule, wish
]  # fmt: skip
BY_NAME = {decoder.__name__: decoder for decoder in DECODERS}


@pytest.mark.parametrize("name", BY_NAME)
def test_decoders_answer_or_refuse(name: str) -> None:
    """The corpus itself, then mutations of it."""
    seeds = corpus(name)
    for seed in seeds:
        BY_NAME[name](seed)

    @settings(max_examples=1000, deadline=None, database=None)
    @given(st.integers(0, 2**63))
    def fed(number: int) -> None:
        BY_NAME[name](mutated(random.Random(number), seeds))

    fed()


def test_what_no_key_signed_opens_nothing(tmp_path: Path) -> None:
    """Mutated tokens, cookies and codes, of any bytes that a header can carry."""
    keys, seeds = Keys(tmp_path / "access.sqlite", "fixed"), corpus("signed")
    genuine = keys.overlay_token("shop", "--viewer-token").encode()
    for number in range(1500):
        text = mutated(random.Random(number), [*seeds, genuine]).decode("utf-8", "surrogateescape")
        if text.encode("utf-8", "surrogateescape") == genuine:
            continue
        found = [
            keys.viewer(text, NOW_MS),
            keys.overlay_viewer(text, NOW_MS),
            asyncio.run(keys.redeem(text, NOW_MS)),
            keys.cookie_opens(text) or None,
        ]
        assert found == [None] * 4, text
    keys.close()


@pytest.mark.nightly
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", BY_NAME)
def test_decoders_for_long(name: str) -> None:
    """As above, until the time is over; the failing input is told whole."""
    seeds, chance = corpus(name), random.Random()
    until_s = time.monotonic() + FUZZ_S
    while time.monotonic() < until_s:
        for _ in range(1000):
            data = mutated(chance, seeds)
            try:
                BY_NAME[name](data)
            except BaseException as error:
                raise AssertionError(f"fails on {data!r}") from error
