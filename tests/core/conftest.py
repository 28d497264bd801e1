"""The compiled loops, or those in numpy: a module marked with `both_ways` is run with either."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from isotherm.core import counting

WAYS = ("compiled", "numpy")


@pytest.fixture(scope="module", params=WAYS)
def both_ways(request: pytest.FixtureRequest) -> Iterator[str]:
    """Which of the two `counting` takes."""
    if request.param == "compiled" and counting.compiled is None:
        pytest.skip("there was no C compiler when Isotherm was installed")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(counting, "compiled", None)
        yield request.param
