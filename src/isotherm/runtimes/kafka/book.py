"""The book of servers on Kafka: sites and tokens as records of `isotherm-settings`. What is written applies everywhere within a moment."""

from __future__ import annotations

import time
from pathlib import Path

from confluent_kafka import KafkaException

from isotherm.access.book import BookError, end_ms
from isotherm.access.keys import Token, made_token
from isotherm.core.pages import DEFAULT_SITE
from isotherm.core.sites import Site
from isotherm.runtimes.kafka.agreement import settle, write_setting
from isotherm.runtimes.kafka.connection import SETTINGS, Cluster, KafkaSettings
from isotherm.runtimes.kafka.follower import read_shared
from isotherm.runtimes.kafka.shared import REMOVED, site_key, site_value, token_key, token_value
from isotherm.runtimes.pipeline import PipelineSettings, StartError

__all__ = ["KafkaBook"]


class KafkaBook:
    """Raises `StartError` where there is no pipeline of that prefix."""

    def __init__(self, kafka: KafkaSettings, topic_prefix: str) -> None:
        self._cluster = Cluster(kafka, PipelineSettings(Path(), topic_prefix=topic_prefix))
        self._cluster.partitions_of(SETTINGS)

    def sites(self) -> list[Site]:
        return read_shared(self._cluster).sites

    def put_site(self, site: Site) -> None:
        self._write(site_key(site.key), site_value(site))

    def remove_site(self, key: str) -> None:
        self._write(site_key(key), REMOVED if key == DEFAULT_SITE else None)

    def tokens(self) -> list[Token]:
        kept = read_shared(self._cluster).tokens.values()
        return sorted(Token(token.name, token.site, token.created_ms, token.expires_ms) for token in kept)

    def add_token(self, name: str, site: str | None, days: int | None) -> str:
        now_ms = time.time_ns() // 1_000_000
        token, kept = made_token(name, site, now_ms, end_ms(now_ms, days))
        value = token_value(kept)
        try:
            held = settle(self._cluster, token_key(name), value)
        except StartError as error:
            raise BookError(str(error)) from None
        if held != value:
            raise BookError(f"there is a token {name!r} already: revoke it first, or choose another name")
        return token

    def revoke_token(self, name: str) -> bool:
        if name not in read_shared(self._cluster).tokens:
            return False
        self._write(token_key(name), None)
        return True

    def _write(self, key: str, value: bytes | None) -> None:
        try:
            write_setting(self._cluster, key, value)
        except (StartError, KafkaException) as error:
            raise BookError(str(error)) from None
