"""Logs: one line an event, that a program can read; under attack, few lines."""

from __future__ import annotations

import io
import logging
import shlex
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from isotherm.cli.logs import Quota, Structured


def logger_to(stream: io.StringIO, quota: Quota | None = None) -> logging.Logger:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Structured())
    if quota is not None:
        handler.addFilter(quota)
    found = logging.Logger("isotherm.test")
    found.addHandler(handler)
    return found


@given(st.text())
def test_a_message_is_one_line(text: str) -> None:
    """Whatever a visitor put into it: no line break, no terminal's command, and the quotes end where the message ends."""
    stream = io.StringIO()
    logger_to(stream).warning("of %s", text)
    (line,) = stream.getvalue().split("\n")[:-1]
    assert line.isprintable()
    fields = dict(part.split("=", 1) for part in shlex.split(line.replace("'", "_")))
    assert (fields["level"], fields["logger"]) == ("warning", "isotherm.test")
    assert fields["message"].startswith("of ")
    assert fields["time"].endswith("Z")


def test_a_trace_stays_on_its_line() -> None:
    """What we did not foresee is logged with its trace."""
    stream = io.StringIO()
    try:
        raise ValueError("unforeseen")
    except ValueError:
        logger_to(stream).exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert "unforeseen" in stream.getvalue()


def test_a_flood_is_counted_instead_of_written() -> None:
    """Of one message so many lines a span; other messages do not suffer; the next line says how many were left out."""
    now_s = 0.0
    stream = io.StringIO()
    logger = logger_to(stream, Quota(lines=3, span_s=60, monotonic_s=lambda: now_s))
    for number in range(100):
        logger.warning("attack %d", number)
    logger.warning("something else")
    assert stream.getvalue().count("attack") == 3
    assert stream.getvalue().count("something else") == 1
    now_s = 61.0
    logger.warning("attack %d", 100)
    assert stream.getvalue().splitlines()[-1].endswith('message="attack 100" left_out=97')


def test_what_a_server_writes_is_so() -> None:
    """As `begin_logging` sets it up: lines of keys and values, bounded, and none of aiohttp's, which repeat what was sent."""
    program = (
        "import logging; from isotherm.cli.logs import begin_logging; begin_logging(); line = logging.getLogger('isotherm.x').warning;"
        "[line('attack %d\\n', number) for number in range(100)]; logging.getLogger('aiohttp.server').error('GET /?token=secret')"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr.splitlines()
    assert len(said) == 10
    assert all(line.startswith("time=") and line.endswith(f'message="attack {number}\\n"') for number, line in enumerate(said))


def test_many_messages_take_no_memory() -> None:
    """An attacker who could choose the message could not fill the memory with them."""
    quota = Quota()
    for number in range(5000):
        quota.filter(logging.LogRecord("l", logging.WARNING, "", 0, f"message {number}", None, None))
    assert len(quota._seen) <= 1000
