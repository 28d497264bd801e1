"""The tracker under the names that an operator chose."""

from __future__ import annotations

import pytest

from isotherm.web.tracker import served_tracker


def test_it_is_served_under_its_own_names() -> None:
    """Without options it asks for nothing but `/clickstream`."""
    script = served_tracker()
    assert script.count(b"tracker.js") == script.count(b"/clickstream") == 1


def test_other_names_take_their_place() -> None:
    """No word of ours is left, also where one name holds the other's default."""
    script = served_tracker("js/page.js", "/in/box")
    assert script.count(b"js/page.js") == script.count(b"/in/box") == 1
    assert b"tracker" not in script
    assert b"clickstream" not in script
    assert served_tracker("js/clickstream.js", "/tracker.js").count(b"/tracker.js") == 1


@pytest.mark.parametrize("name", ["", "/t.js", 'a"b.js', "a'.js", "a\\.js", "t.js\n", "a b.js", "t.js/", "ä.js", "../t.js?x"])
def test_a_name_that_could_become_program_is_refused(name: str) -> None:
    """What stands in the script is letters, digits, `_`, `-`, `.` and slashes."""
    with pytest.raises(ValueError, match="tracker name"):
        served_tracker(name)


@pytest.mark.parametrize("path", ["", "in", "/", "/in/", '/i"n', "/in?x", "//evil.example"])
def test_a_path_that_could_become_program_is_refused(path: str) -> None:
    """It begins with a slash and stays on its host."""
    with pytest.raises(ValueError, match="ingest path"):
        served_tracker(ingest_path=path)
