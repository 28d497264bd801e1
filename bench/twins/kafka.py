"""Bare Kafka clients: what the client library alone takes for the records that a stage reads and writes.

Reads a topic to its end and writes as many records of as many bytes as the stage did; nothing is decoded, nothing counted.
Settings: `servers`, `topic`, `partitions`, `to` (empty: nothing is written), `records_out` (of one record), `bytes_out` (of one
of them). Tells when it is connected, begins when told, and tells how many records it read.
"""

from __future__ import annotations

import sys
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.processes import settings, tell

_AT_ONCE = 1000


def _relay(given: dict[str, Any], consumer: Any, producer: Any) -> int:
    places = [TopicPartition(given["topic"], partition) for partition in range(given["partitions"])]
    ends = {place.partition: consumer.get_watermark_offsets(place, timeout=10) for place in places}
    left = {partition: high for partition, (low, high) in ends.items() if low < high}
    consumer.assign([TopicPartition(given["topic"], partition, ends[partition][0]) for partition in left])
    value, read, owed = b"x" * given["bytes_out"], 0, 0.0
    while left:
        for message in consumer.consume(_AT_ONCE, 1.0):
            read += 1
            owed += given["records_out"] if given["to"] else 0
            while owed >= 1:
                owed -= 1
                producer.produce(given["to"], value, b"default/products/1", partition=message.partition())
            if message.offset() + 1 >= left.get(message.partition(), 0):
                left.pop(message.partition(), None)
        producer.poll(0)
    producer.flush()
    return read


def main() -> None:
    given = settings()
    servers = {"bootstrap.servers": given["servers"]}
    consumer = Consumer({**servers, "group.id": "bare", "auto.offset.reset": "earliest", "enable.auto.commit": False})
    producer = Producer({**servers, "compression.type": "lz4", "acks": "all", "enable.idempotence": True, "linger.ms": 2})
    consumer.list_topics(given["topic"], timeout=10)
    tell(ready=True)
    sys.stdin.readline()
    tell(read=_relay(given, consumer, producer))
    sys.stdin.readline()  # alive until its CPU was looked at
    consumer.close()


if __name__ == "__main__":
    main()
