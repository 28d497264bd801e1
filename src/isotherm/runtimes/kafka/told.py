"""Told: what stands in `isotherm-reactions`. One partition, so that what fired has one order and a number that all know: offset plus 1."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import msgspec

from isotherm.core.rules import Reaction, RuleError, reaction_from_json
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.kafka.whole import read_whole
from isotherm.runtimes.topics import Topics

__all__ = ["read_told", "told_by"]

logger = logging.getLogger(__name__)


def told_by(messages: Iterable[Any]) -> list[tuple[int, Reaction]]:
    """What fired, with its number; what is none is left out."""
    told = []
    for message in messages:
        try:
            told.append((message.offset() + 1, reaction_from_json(msgspec.json.decode(message.value() or b"null"))))
        except (RuleError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            logger.warning("record %d of %s is left out: %s", message.offset(), message.topic(), error)
    return told


def read_told(cluster: Cluster) -> list[Reaction]:
    """All that stands there now, oldest first. Raises `KafkaException`."""
    return [reaction for _, reaction in told_by(read_whole(cluster, Topics.REACTIONS))]
