"""The browser that tests, benchmarks and scripts drive: Chromium as the system has it, without what it fetches for itself."""

from __future__ import annotations

import shutil

__all__ = ["CHROMIUM_ARGUMENTS", "chromium_path"]

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str:
    """Where the browser is installed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("this needs Chromium: apt-get install chromium")
