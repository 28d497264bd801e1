"""The peer Flink SQL: where it can't be built the others go on, and a window counts once it is whole."""

from __future__ import annotations

import pytest
from bench.peers.__main__ import main
from bench.peers.flink_sql import _follow
from bench.peers.trace import HOP_MS, START_MS
from click.testing import CliRunner


def test_without_maven_it_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an error: whoever runs all peers gets the rest."""
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(main, ["flink"])
    assert done.exit_code == 0
    assert done.output.startswith("Flink SQL is left out: no javac here: install")


def test_only_whole_windows_count() -> None:
    """Events of a window whose rows are still coming are not counted, and it is not compared; nor is the page between the traces."""
    one, two, three = (START_MS + hops * HOP_MS for hops in (1, 2, 3))
    rows = [
        ["window", str(one), "1000000000"],
        ["window", str(two), "2000000000"], ["row", "/p/0", "{7=2, 9=1}"], ["row", "/p/1", "3", "4"], ["row", "/between", "{0=1}"],
        ["window", str(three), "31000000000"], ["row", "/p/0", "{7=3}"],
    ]  # fmt: skip
    given = [("/p/0", START_MS + at * HOP_MS, 7) for at in range(8)]
    found = _follow(rows, given, budget_s=25.0)
    assert found == {"events": 2, "cpu_s": 30.0, "windows": [(two, {"/p/0": {7: 2, 9: 1}, "/p/1": {3: 4}})]}
