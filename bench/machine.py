"""The machine and the versions that a result belongs to, and what the kernel says that a process used."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from isotherm.core.counting import compiled

__all__ = ["about", "cpu_s", "files_max", "rss_bytes"]

_PACKAGES = ("isotherm", "aiohttp", "uvloop", "msgspec", "numpy", "quixstreams", "playwright")


def about() -> dict[str, Any]:
    """What a reader needs to compare two results."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_at_start": round(os.getloadavg()[0], 1),
        "commit": _commit(),
        "compiled_loops": compiled is not None,
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process so far: the scheduler's own count, in nanoseconds."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total_ns += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:  # the thread just ended
            continue
    return total_ns / 1e9


def rss_bytes(pid: int) -> int:
    """Resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def files_max() -> int:
    """How many files (so, sockets) a process may have here."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
