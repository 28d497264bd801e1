"""A real Apache Kafka broker on loopback, for tests and for trying things out: one Java process, nothing installed but its jars.

    python scripts/kafka_broker.py [--port 9092] [--data DIR]

The jars come from Maven once and are kept in the user's cache. It needs a Java runtime (17 or newer) and, the first time, Maven.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POM = Path(__file__).resolve().parent.parent / "tests" / "kafka" / "broker" / "pom.xml"
START_S = 90.0
#: What it does with groups and partitions stands in `output.log`: without it, nothing of a test that failed can be told from the broker's side.
LOGGING = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSS'Z'}{UTC} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.groups.name = org.apache.kafka.coordinator.group
logger.groups.level = info
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""
USER, PASSWORD = "isotherm", "a-password-for-tests"


class BrokerError(Exception):
    """The broker can't be had; the message says why and what to do."""


def jars() -> Path:
    """The folder of the broker's jars; fetched where they are missing. Raises `BrokerError`."""
    if shutil.which("java") is None:
        raise BrokerError("no Java runtime: install openjdk-17-jre-headless")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "isotherm" / "kafka-4.1.1"
    if (cache / "libs").is_dir():
        return cache / "libs"
    if shutil.which("mvn") is None:
        raise BrokerError("no Maven to fetch the broker with: install maven")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as draft:
        shutil.copy(POM, Path(draft) / "pom.xml")
        command = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies", f"-DoutputDirectory={draft}/libs"]
        fetched = subprocess.run(command, cwd=draft, capture_output=True, text=True, check=False)
        if fetched.returncode:
            raise BrokerError(f"Maven could not fetch the broker: {fetched.stdout[-2000:]}")
        with contextlib.suppress(OSError):  # another process was quicker
            (Path(draft) / "libs").rename(cache / "libs")
    return cache / "libs"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """One broker and its data folder. `start`, `stop` or `kill`, and `start` again: what it has taken is still there."""

    def __init__(self, data: Path, port: int | None = None, *, sasl: bool = False) -> None:
        self.data = data
        self.port = port or free_port()
        self.sasl = sasl
        self.process: subprocess.Popen[bytes] | None = None
        self._controller_port = free_port()

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns once it takes connections. Raises `BrokerError`."""
        libs = jars()
        self.data.mkdir(parents=True, exist_ok=True)
        settings = self.data / "server.properties"
        settings.write_text(self._settings())
        logging = self.data / "log4j2.properties"
        logging.write_text(LOGGING)
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={logging}", "-cp", f"{libs}/*"]
        if not (self.data / "logs").is_dir():
            format_ = ["kafka.tools.StorageTool", "format", "--standalone", "-t", "AAAAAAAAQACAAAAAAAAAAQ", "-c", str(settings)]
            done = subprocess.run([*java, *format_], capture_output=True, text=True, check=False)
            if done.returncode:
                raise BrokerError(f"the broker's storage can't be made: {done.stdout}{done.stderr}")
        output = (self.data / "output.log").open("ab")
        self.process = subprocess.Popen([*java, "kafka.Kafka", str(settings)], stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BrokerError(f"the broker did not start: {(self.data / 'output.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """As an operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        """The broker takes connections once it has been let in by its controller."""
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _settings(self) -> str:
        protocol = "SASL_PLAINTEXT" if self.sasl else "PLAINTEXT"
        lines = [
            "process.roles=broker,controller",
            "node.id=1",
            f"controller.quorum.bootstrap.servers=127.0.0.1:{self._controller_port}",
            f"listeners={protocol}://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
            f"advertised.listeners={protocol}://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
            "controller.listener.names=CONTROLLER",
            f"inter.broker.listener.name={protocol}",
            f"log.dirs={self.data}/logs",
            "offsets.topic.replication.factor=1",
            "offsets.topic.num.partitions=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "transaction.state.log.num.partitions=1",
            "group.initial.rebalance.delay.ms=0",
        ]
        if self.sasl:
            login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
            lines += [
                "listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
                "sasl.enabled.mechanisms=PLAIN",
                "sasl.mechanism.inter.broker.protocol=PLAIN",
                f'listener.name.sasl_plaintext.plain.sasl.jaas.config={login} username="{USER}" password="{PASSWORD}" '
                f'user_{USER}="{PASSWORD}";',
            ]
        return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="A Kafka broker on loopback, until Ctrl-C.")
    parser.add_argument("--port", type=int, default=9092)
    parser.add_argument("--data", type=Path, help="folder of its data; left out: one that is removed at the end")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        data = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="isotherm-kafka-")))
        broker = Broker(data.resolve(), options.port)
        try:
            broker.start()
        except BrokerError as error:
            sys.exit(f"kafka_broker: {error}")
        print(f"Kafka listens on {broker.servers}. Ctrl-C stops.", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            assert broker.process is not None
            broker.process.wait()
        except KeyboardInterrupt:
            broker.stop()


if __name__ == "__main__":
    main()
