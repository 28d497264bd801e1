"""A real PostgreSQL server on loopback for a run of tests, from the machine's own package; a database of its own for each test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from scripts.kafka_broker import free_port

__all__ = ["database", "postgres"]

_START_S = 60.0
_SERVERS_USER = "postgres"  #: the server refuses to run as root


class Server:
    """`start`, `stop`, and `start` again: what it has taken is still there."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self._folder = folder
        self._tools = tools
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            found = pwd.getpwnam(_SERVERS_USER)
            os.chown(folder, found.pw_uid, found.pw_gid)
            self._as = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        command = [tools / "initdb", "-D", folder / "data", "-U", "isotherm", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **self._as)

    def url(self, database: str) -> str:
        return f"postgresql://isotherm@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        settings = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder), "-c", "fsync=off"]
        with (self._folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [self._tools / "postgres", "-D", self._folder / "data", *settings],
                stdout=output, stderr=output, cwd=self._folder, start_new_session=True, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "output.log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.05)

    def stop(self) -> None:
        """At once: whoever is connected is thrown out."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None


def _tools() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not packaged:
        pytest.fail("there is no PostgreSQL server to test with: `make tools` installs it", pytrace=False)
    return packaged[-1].parent


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this run."""
    with tempfile.TemporaryDirectory(prefix="isotherm-postgres-") as folder:
        server = Server(Path(folder), _tools())
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def database(postgres: Server) -> Callable[[], str]:
    """Makes an empty database and returns its address."""

    def make() -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return postgres.url(name)

    return make
