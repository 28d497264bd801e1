"""The agreement: what all processes of one pipeline must have in common. It stands in `isotherm-settings`, under the key `pipeline`.

The first process writes it down; each that comes later compares and is refused where it differs. Of two that begin at the same
moment the one whose record came first is right; the other sees so when it reads again, puts the first one's words back and gives up.
"""

from __future__ import annotations

import msgspec
from confluent_kafka import KafkaException, TopicPartition

from isotherm.runtimes.kafka.connection import SETTINGS, Cluster, watermarks
from isotherm.runtimes.pipeline import StartError

__all__ = ["agree", "read_settings", "settle", "write_setting"]

_KEY = "pipeline"
_TIMEOUT_S = 10.0


class _Pipeline(msgspec.Struct, frozen=True):
    window_ms: int
    hop_ms: int
    grid_size: int
    max_skew_ms: int
    partitions: int
    samples_a_tile: int = 0


def agree(cluster: Cluster) -> None:
    """Raises `StartError` where this process's settings are not those of the pipeline."""
    pipeline = cluster.pipeline
    ours = _Pipeline(
        pipeline.window_ms, pipeline.hop_ms, pipeline.grid_size, pipeline.skew_ms, cluster.partitions, pipeline.samples_a_tile_max
    )
    settled = settle(cluster, _KEY, msgspec.json.encode(ours))
    try:
        first = msgspec.json.decode(settled, type=_Pipeline)
    except msgspec.MsgspecError as error:
        raise StartError(f"the topic {cluster.name(SETTINGS)} was written by another release: {error}") from error
    if first != ours:
        raise StartError(_difference(first, ours, cluster.name(SETTINGS)))


def _difference(theirs: _Pipeline, ours: _Pipeline, topic: str) -> str:
    names = [name for name in _Pipeline.__struct_fields__ if getattr(theirs, name) != getattr(ours, name)]
    parts = [f"{_written(name, theirs)}, not {_written(name, ours)}" for name in names]
    return (
        f"this pipeline runs with {'; '.join(parts)}: all its processes must agree. Start this one alike, or use another --topic-prefix "
        f"(what is agreed stands in the topic {topic})"
    )


def _written(name: str, settings: _Pipeline) -> str:
    value = getattr(settings, name)
    option = "--" + name.removesuffix("_ms").replace("_", "-")
    return f"{option} {value}ms" if name.endswith("_ms") else f"{option} {value}"


def read_settings(cluster: Cluster) -> list[tuple[str, bytes | None]]:
    """All records of `isotherm-settings` that are still there, oldest first. Raises `KafkaException`."""
    topic = cluster.name(SETTINGS)
    out: list[tuple[str, bytes | None]] = []
    with cluster.consumer("isotherm-settings") as consumer:
        low, high = watermarks(consumer, TopicPartition(topic, 0))
        consumer.assign([TopicPartition(topic, 0, low)])
        while low < high:
            message = consumer.poll(_TIMEOUT_S)
            if message is None:
                raise StartError(f"the topic {topic} could not be read within {_TIMEOUT_S:.0f} s")
            if message.error():
                raise KafkaException(message.error())
            out.append(((message.key() or b"").decode("utf-8", "replace"), message.value()))
            low = message.offset() + 1
    return out


def settle(cluster: Cluster, key: str, value: bytes) -> bytes:
    """Writes a record where there is none, and returns the one that holds: of two writers at once the first one's. Raises `StartError`."""
    try:
        if (before := _oldest(cluster, key)) is not None:
            return before
        write_setting(cluster, key, value)
        first = _oldest(cluster, key) or value
        if first != value:
            write_setting(cluster, key, first)
        return first
    except KafkaException as error:
        raise StartError(f"can't read or write the topic {cluster.name(SETTINGS)}: {error.args[0].str()}") from error


def _oldest(cluster: Cluster, key: str) -> bytes | None:
    """The oldest value of a key since it was taken out last."""
    found: bytes | None = None
    for one, value in read_settings(cluster):
        if one == key:
            found = found or value if value else None  # an empty value is none, as `Shared` has it
    return found


def write_setting(cluster: Cluster, key: str, value: bytes | None) -> None:
    """No value: what stands under the key is taken out. Raises `StartError` where the record can't be written."""
    failed: list[str] = []
    with cluster.producer(**{"message.timeout.ms": 10_000}) as producer:
        producer.produce(
            cluster.name(SETTINGS),
            value,
            key,
            on_delivery=lambda error, _message: failed.append(error.str()) if error is not None else None,
        )
        producer.flush(_TIMEOUT_S + 1)
    if failed:
        raise StartError(f"can't write the topic {cluster.name(SETTINGS)}: {failed[0]}")
