"""Where the commands' defaults come from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from isotherm.cli.app import app


@pytest.mark.parametrize("content", ["data = '{folder}'", "[site]\ndata = '{folder}'"])
def test_commands_below_a_group(content: str, tmp_path: Path) -> None:
    """What `isotherm.toml` says, at its top or for a group, holds for the group's commands as well."""
    config, folder = tmp_path / "isotherm.toml", tmp_path / "state"
    config.write_text(content.format(folder=folder))
    ran = CliRunner().invoke(app, ["--config", str(config), "site", "add", "shop"])
    assert ran.exit_code == 0, ran.output
    assert [site["key"] for site in json.loads((folder / "settings.json").read_text())["sites"]] == ["default", "shop"]


def test_the_folder_of_a_gateway_on_kafka(tmp_path: Path) -> None:
    """What would have no effect is refused, with what to do instead."""
    (tmp_path / "server.json").write_text(json.dumps({"address": "http://127.0.0.1:1", "kafka": "broker:9092"}))
    for command in (["site", "add", "shop"], ["token", "add", "desk"], ["token", "revoke", "desk"]):
        ran = CliRunner().invoke(app, [*command, "--data", str(tmp_path)])
        assert ran.exit_code != 0
        assert "give --kafka broker:9092" in str(ran.exception)


def test_a_command_starts_no_threads_for_linear_algebra() -> None:
    """Nothing multiplies matrices; numpy's library would start a thread a core, each with memory of its own, when it is imported."""
    program = "import sys, isotherm.cli.serve, os; assert 'numpy' in sys.modules; print(len(os.listdir('/proc/self/task')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["simulate", "--url", "http://127.0.0.1:1"], "can't reach http://127.0.0.1:1"),
        (["simulate", "--url", "nonsense"], "got 'nonsense'"),
        (["replay", "events", "--url", "http://127.0.0.1:1"], "line 1: expected an event"),
    ],
)
def test_what_stops_a_sender_is_told_in_a_line(command: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "events").write_text("none\n")
    ran = subprocess.run([sys.executable, "-m", "isotherm", *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert ran.stderr.startswith("isotherm: ")
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [[], ["site"], ["token"]])
def test_a_group_without_a_command_shows_its_help(command: list[str], tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-m", "isotherm", *command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert ran.stderr.startswith("Usage: isotherm")
    assert "\nCommands:\n" in ran.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("hopp = '1s'", "unknown option 'hopp' at the top of isotherm.toml; `isotherm serve --help`"),
        ("[demo]\nhopp = '1s'", "unknown option 'hopp' in [demo] of isotherm.toml; `isotherm demo --help`"),
        ("[sever]\nhop = '1s'", "unknown table [sever] in isotherm.toml"),
        ("[site.add]\ndata = 'x'", "unknown table [site.add] in isotherm.toml"),
    ],
)
def test_an_unknown_key_is_named_where_it_stands(content: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("isotherm.toml").write_text(content)
    ran = CliRunner().invoke(app, ["site", "list"])
    assert ran.exit_code != 0
    assert str(ran.exception).startswith(told)


@pytest.mark.parametrize("command", [["serve"], ["login"], ["backup", "copy"], ["site", "list"]])
def test_a_folder_cannot_be_in_a_file(command: list[str], tmp_path: Path) -> None:
    """The option is named, and the file that stands in the way."""
    (tmp_path / "file").touch()
    ran = subprocess.run(
        [sys.executable, "-m", "isotherm", *command, "--data", "file/state"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "Invalid value for '--data': no folder can be in 'file', which is a file; name another" in ran.stderr
    assert ran.stderr.count("\n") == 1
