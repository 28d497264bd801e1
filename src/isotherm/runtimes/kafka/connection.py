"""The way to the brokers: settings, topics, and Quix Streams' applications, consumers and producers made from them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Producer as PlainProducer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from quixstreams import Application
from quixstreams.kafka import Consumer, Producer
from quixstreams.kafka.configuration import ConnectionConfig

from isotherm.runtimes.kafka.lines import UNREACHABLE, lines
from isotherm.runtimes.pipeline import PipelineSettings, StartError
from isotherm.runtimes.topics import Topics

__all__ = [
    "AGGREGATE_GROUP",
    "DELIVERIES",
    "GROUP_BY_GROUP",
    "HISTORY_GROUP",
    "INTEREST",
    "ONE_PARTITION",
    "PARTS",
    "SETTINGS",
    "WEBHOOKS_GROUP",
    "Cluster",
    "KafkaSettings",
    "read_properties",
    "watermarks",
]

INTEREST: Final = "isotherm-interest"
SETTINGS: Final = "isotherm-settings"
PARTS: Final = "isotherm-parts"
DELIVERIES: Final = "isotherm-deliveries"
ONE_PARTITION: Final = frozenset({Topics.DEAD_LETTER, Topics.REACTIONS})  #: what is rare, or must be in one order
GROUP_BY_GROUP: Final = "isotherm-group-by"
AGGREGATE_GROUP: Final = "isotherm-aggregate"
HISTORY_GROUP: Final = "isotherm-history"
WEBHOOKS_GROUP: Final = "isotherm-webhooks"

_CONNECT_S: Final = 20.0  #: how long a start waits for brokers: those of the same `docker compose up` need some seconds
_REQUEST_S: Final = 10.0
_ANSWER_S: Final = 2.0  #: within a request; then it is asked again, if it is still wanted: a process stops within 5 s
_HOUR_MS: Final = 3_600_000

#: A dead worker is found out after 6 s, the least that brokers allow by default: its partitions are served again within ten.
_MEMBER: Final = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}
#: Reconnect soon after an outage; librdkafka's own ten seconds would be seen by people.
_CONNECTION: Final = {"reconnect.backoff.ms": 100, "reconnect.backoff.max.ms": 1000}
_PRODUCER: Final = {"enable.idempotence": True, "acks": "all", "compression.type": "lz4", "linger.ms": 2}
#: Of a stage, which writes a message a page: what several records bring goes in one request, and only what failed is reported one by one.
#: A request costs a worker and a broker more than the messages in it; ten milliseconds are a sixth of what a gateway leaves for the way.
_STAGE: Final = {"linger.ms": 10, "delivery.report.only.error": True}

_REFUSALS: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)  #: waiting does not help: they are told at once
_NO_CONNECTION: Final = (KafkaError._TRANSPORT, KafkaError._RESOLVE)

logger = logging.getLogger(__name__)
_silent = logging.Logger("kafka")  # the library's own lines say again what its errors say
_silent.addHandler(logging.NullHandler())


@dataclass(slots=True, frozen=True)
class KafkaSettings:
    """Where the brokers are, and how to talk to them."""

    servers: str
    partitions: int = 8
    properties: Mapping[str, str] = field(default_factory=dict)  #: librdkafka's, from `--kafka-config`


def read_properties(path: Path) -> dict[str, str]:
    """librdkafka properties, ``name=value`` a line, ``#`` comments. Raises `StartError`."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"can't read {path}: {getattr(error, 'strerror', None) or error}") from error
    properties = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise StartError(f"expected `name=value` in line {number} of {path}, such as security.protocol=SASL_SSL")
        properties[name.strip()] = value.strip()
    return properties


class Cluster:
    """One pipeline's place on a Kafka cluster."""

    def __init__(self, kafka: KafkaSettings, pipeline: PipelineSettings) -> None:
        self.kafka = kafka
        self.pipeline = pipeline
        self._last_error: KafkaError | None = None
        self._prepared = False  #: before, who can't reach Kafka does not start, and says why
        properties = dict(kafka.properties)
        try:
            self._broker = ConnectionConfig.from_librdkafka_dict({**properties, "bootstrap.servers": kafka.servers}, ignore_extras=True)
        except ValueError as error:
            raise StartError(f"--kafka-config has a property that can't be: {error}") from error
        known = {name.replace(".", "_") for name in properties} & (set(ConnectionConfig.model_fields) | {"sasl_mechanisms"})
        self._extra: dict[str, Any] = {name: value for name, value in properties.items() if name.replace(".", "_") not in known}

    # -- names

    @property
    def partitions(self) -> int:
        return self.kafka.partitions

    def name(self, topic: str) -> str:
        """A topic's or group's name with the prefix."""
        return self.pipeline.topic_prefix + topic

    # -- clients

    def application(self, group: str) -> Application:
        """A Quix Streams application that is a member of a consumer group and checkpoints every second."""
        return Application(
            broker_address=self._broker,
            consumer_group=self.name(group),
            auto_offset_reset="earliest",
            commit_interval=1.0,
            consumer_poll_timeout=0.25,
            consumer_extra_config={**_CONNECTION, **_MEMBER, **self._extra},
            # no message of a worker may be given up while later ones go through: its successors would be taken for repeats
            producer_extra_config={**_PRODUCER, **_STAGE, **_CONNECTION, "message.timeout.ms": 0, **self._extra},
            state_dir=self.pipeline.data / "state",
            use_changelog_topics=False,
            on_consumer_error=_carry_on,
            broker_availability_timeout=0,  # workers wait for brokers however long; and what would tell that they are back is not reported
            auto_create_topics=False,
            loglevel=None,
        )

    def producer(self, **properties: Any) -> Producer:
        extra = {**_PRODUCER, **_CONNECTION, **self._extra, **properties}
        return Producer(broker_address=self._broker, extra_config=extra, error_callback=self._on_error)

    def transactional(self, name: str) -> PlainProducer:
        """A producer that takes what it writes from whoever had the name before, once its transactions are begun (`init_transactions`)."""
        # not Quix Streams' own: that one waits for the brokers for ever
        return PlainProducer(
            {
                **_PRODUCER,
                **_CONNECTION,
                "linger.ms": 0,
                "transaction.timeout.ms": 10_000,  # what a writer that died has begun keeps readers waiting no longer
                **self._extra,
                **self._broker.as_librdkafka_dict(),
                "transactional.id": self.name(name),
                "error_cb": self._on_error,
                "logger": _silent,
            }
        )

    def consumer(self, group: str, *, member: bool = False, **properties: Any) -> Consumer:
        """A consumer that commits nothing by itself. Without `member` it joins no group: its partitions are assigned by hand."""
        extra = {**_CONNECTION, **(_MEMBER if member else {}), **self._extra, **properties}
        return Consumer(
            broker_address=self._broker,
            consumer_group=self.name(group),
            auto_offset_reset="earliest",
            auto_commit_enable=False,
            error_callback=self._on_error,
            extra_config=extra,
        )

    def admin(self) -> AdminClient:
        return AdminClient(
            {
                **_CONNECTION,
                **self._extra,
                **self._broker.as_librdkafka_dict(),
                "error_cb": self._on_error,
                "logger": _silent,
            }
        )

    def _on_error(self, error: KafkaError) -> None:
        if self._last_error is None or self._last_error.code() not in _REFUSALS or error.code() in _REFUSALS:
            self._last_error = error
        if self._prepared and error.code() in _NO_CONNECTION and lines.may_tell():
            logger.warning(UNREACHABLE, error.str())
        else:
            logger.debug("kafka: %s", error.str())

    @property
    def last_error(self) -> str:
        """What the clients complained of last."""
        return self._last_error.str() if self._last_error is not None else "no answer"

    # -- topics

    def prepare(self) -> None:
        """Connects, and makes the topics that are missing. Raises `StartError`."""
        try:
            admin = self.admin()
        except KafkaException as error:
            raise StartError(f"--kafka or --kafka-config can't be used: {error.args[0].str()}") from error
        there = self._connect(admin)
        wanted = self._topics()
        missing = [topic for name, topic in wanted.items() if name not in there]
        for name, future in (admin.create_topics(missing, request_timeout=_REQUEST_S) if missing else {}).items():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise StartError(f"can't create the topic {name}: {error.args[0].str()}") from error
        self._check_partitions(admin, wanted)
        self._prepared = True

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has that must be there. Raises `StartError`."""
        admin = self.admin()
        if self.name(topic) not in self._connect(admin):
            raise StartError(f"there is no topic {self.name(topic)} at {self.kafka.servers}: look at --kafka and --topic-prefix")
        return len(admin.list_topics(self.name(topic), timeout=_REQUEST_S).topics[self.name(topic)].partitions)

    def _connect(self, admin: AdminClient) -> set[str]:
        deadline = time.monotonic() + _CONNECT_S
        while True:
            try:
                return set(admin.list_topics(timeout=2.0).topics)
            except KafkaException as error:
                last = self._last_error
                refused = last is not None and last.code() in _REFUSALS
                if refused or time.monotonic() > deadline:
                    why = last.str() if last is not None else error.args[0].str()
                    raise StartError(f"can't reach Kafka at {self.kafka.servers}: {why}; see --kafka and --kafka-config") from error
                admin.poll(0.2)

    def _topics(self) -> dict[str, NewTopic]:
        window_ms, partitions = self.pipeline.window_ms, self.partitions
        kept = {"cleanup.policy": "delete", "segment.ms": str(_HOUR_MS)}
        short = {"cleanup.policy": "delete", "segment.ms": str(_HOUR_MS // 6)}
        compact = {"cleanup.policy": "compact", "segment.ms": str(_HOUR_MS)}
        configs = {
            Topics.CLICKSTREAM: (partitions, {**kept, "retention.ms": str(24 * _HOUR_MS)}),
            Topics.GROUPED: (partitions, {**short, "retention.ms": str(max(_HOUR_MS, 2 * window_ms + 2 * self.pipeline.skew_ms))}),
            Topics.HEATMAP: (partitions, {**short, "retention.ms": str(_HOUR_MS)}),
            Topics.DEAD_LETTER: (1, {**kept, "retention.ms": str(7 * 24 * _HOUR_MS)}),
            Topics.REACTIONS: (1, {**kept, "segment.ms": str(24 * _HOUR_MS), "retention.ms": str(31 * 24 * _HOUR_MS)}),
            PARTS: (partitions, {**short, "retention.ms": str(_HOUR_MS // 6)}),
            INTEREST: (1, compact),
            SETTINGS: (1, compact),
            DELIVERIES: (1, compact),
        }
        # replication -1: as the brokers are set up to do by default
        return {
            self.name(topic): NewTopic(self.name(topic), num_partitions=number, replication_factor=-1, config=config)
            for topic, (number, config) in configs.items()
        }

    def _check_partitions(self, admin: AdminClient, wanted: dict[str, NewTopic]) -> None:
        deadline = time.monotonic() + _REQUEST_S
        while True:
            try:
                found = admin.list_topics(timeout=_REQUEST_S).topics
            except KafkaException as error:
                raise StartError(f"can't reach Kafka at {self.kafka.servers}: {error.args[0].str()}") from error
            if all(name in found and found[name].partitions for name in wanted):
                break
            if time.monotonic() > deadline:
                raise StartError("Kafka made the topics but does not show them: look at the brokers' logs")
            time.sleep(0.05)
        for name, topic in wanted.items():
            number = len(found[name].partitions)
            if number != topic.num_partitions:
                raise StartError(
                    f"the topic {name} has {number} partitions, expected {topic.num_partitions}: start with --partitions {number}, "
                    "or use another --topic-prefix"
                )

    # -- reading by hand

    def offsets_since(
        self, consumer: Any, topic: str, partitions: list[int], since_ms: int, wanted: Callable[[], bool] = lambda: True
    ) -> list[tuple[TopicPartition, int]]:
        """Where to begin so that nothing from `since_ms` on is missed, and the end as it is now, a partition.

        Raises `KafkaException`; without an answer also soon after it is not `wanted` any more.
        """
        asked = [TopicPartition(topic, partition, max(0, since_ms)) for partition in partitions]
        found = _insist(lambda: consumer.offsets_for_times(asked, timeout=_ANSWER_S), wanted)
        out = []
        for place in found:
            low, high = watermarks(consumer, TopicPartition(topic, place.partition), wanted)
            out.append((TopicPartition(topic, place.partition, max(low, place.offset) if place.offset >= 0 else high), high))
        return out


def watermarks(consumer: Any, place: TopicPartition, wanted: Callable[[], bool] = lambda: True) -> tuple[int, int]:
    """The first offset of a partition that is still there, and the next one to be written. Raises `KafkaException`."""
    found: tuple[int, int] = _insist(lambda: consumer.get_watermark_offsets(place, timeout=_ANSWER_S), wanted)
    return found


def _insist(ask: Callable[[], Any], wanted: Callable[[], bool]) -> Any:
    """Asks again for some seconds where brokers do not know yet who leads a partition: it was made or moved just now."""
    deadline = time.monotonic() + _REQUEST_S
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline or not wanted():
                raise
            time.sleep(0.1)


def _carry_on(error: Exception, _message: Any, _logger: logging.Logger) -> bool:
    """What a consumer meets while brokers come and go passes; its client connects again by itself."""
    logger.warning("kafka: %s", error)
    return True
