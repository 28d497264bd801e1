"""Group By's stage on Kafka: whoever begins in the midst of a partition knows the clicks that a burst may have begun with."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import pytest

from isotherm.core.group_by import GroupBy
from isotherm.core.layers import PLAIN_LAYERS
from isotherm.core.pages import Page
from isotherm.core.rage import REMEMBERED_MS
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.samples import Samples
from isotherm.core.sites import Sites
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Classic
from isotherm.runtimes.kafka.stages import Stages

NOW_MS = 1_700_000_000_000


class Message(NamedTuple):
    """As the consumer hands one on."""

    content: bytes
    taken_ms: int

    def value(self) -> bytes:
        return self.content

    def key(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, self.taken_ms


def click(arrived_ms: int, time_ms: int) -> Samples:
    intake = Intake()
    event = Classic("s", "/p", 1, 5.0, 5.0, 100.0, 100.0, None)
    intake.add_classic(event, Page.from_key("default/p"), None, time_ms, None)
    drained = intake.drain(arrived_ms)
    assert drained is not None
    return drained.samples


@pytest.mark.parametrize(("before_ms", "rage"), [(REMEMBERED_MS, 3), (REMEMBERED_MS + 1, 0)])
def test_clicks_before_the_beginning_are_part_of_a_burst(before_ms: int, rage: int) -> None:
    """Those of the memory's length, and no others; older records only tell who was where, which is all that is asked of them."""
    stages, group_by = Stages(cast(Any, None), Sites(), "memory"), GroupBy(grid_size=4, hop_ms=250)
    for arrived_ms, time_ms in ((NOW_MS - 120_000, NOW_MS - 120_000), (NOW_MS - before_ms, NOW_MS - 300), (NOW_MS - before_ms, NOW_MS - 200)):
        message = Message(encode(samples_to_record(click(arrived_ms, time_ms))), arrived_ms)
        stages._relive(group_by, message, NOW_MS - 2 * REMEMBERED_MS)
    counts = group_by.group(click(NOW_MS, NOW_MS))
    assert int(counts.count[counts.layer >= PLAIN_LAYERS].sum()) == rage
    assert counts.visitors == [1]
