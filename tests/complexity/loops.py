"""Work of the compiled loops, counted instead of timed: how often their lines run.

They are compiled once more, with the compiler's own counters (gcov) in them, into a folder of the test's. Lines are not all as dear as
each other, and what a library does within one (a `memset`, a system call) does not show; a loop that grows does.
"""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import shutil
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import isotherm

__all__ = ["CountedLoops"]

_SOURCES = Path(isotherm.__file__).parent / "core" / "loops"
_PROBE = """
void __gcov_reset(void);
void __gcov_dump(void);
__attribute__((visibility("default"))) void begin(void) { __gcov_reset(); }
__attribute__((visibility("default"))) void end(void) { __gcov_dump(); }
"""


class CountedLoops:
    """`module` in the place of `counting.compiled`. Raises `OSError` where there is no compiler, or none that counts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        gcov, compiler = shutil.which(os.environ.get("GCOV", "gcov")), shlex.split(os.environ.get("CC", "cc"))
        if gcov is None:
            raise OSError("expected gcov beside the compiler")
        self._gcov = gcov
        probe = folder / "probe.c"
        probe.write_text(_PROBE)
        binary = folder / "_counting.so"
        include = f"-I{sysconfig.get_paths()['include']}"
        sources = [*map(str, sorted(_SOURCES.glob("*.c"))), str(probe)]
        flags = ("-O1", "-fno-inline", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off", "--coverage")
        try:
            subprocess.run([*compiler, *flags, include, *sources, "-o", str(binary)], cwd=folder, check=True, capture_output=True)
        except subprocess.CalledProcessError as error:
            raise OSError(error.stderr.decode(errors="replace")) from error
        self.module = _load(binary)
        self._probe = ctypes.CDLL(str(binary))

    def lines(self, do: Callable[[], Any]) -> Counter[str]:
        """How often lines of each file of the loops run meanwhile."""
        for counted in self._folder.glob("*.gcda"):
            counted.unlink()
        self._probe.begin()
        do()
        self._probe.end()
        found: Counter[str] = Counter()
        counted_files = [path.name for path in self._folder.glob("*.gcda")]
        told = subprocess.run([self._gcov, "--json-format", "--stdout", *counted_files], cwd=self._folder, check=True, capture_output=True)
        for line in told.stdout.splitlines():
            for file in json.loads(line)["files"]:
                found[Path(file["file"]).name] += sum(one["count"] for one in file["lines"])
        return found


def _load(binary: Path) -> ModuleType:
    name = "isotherm.core._counting"
    spec = spec_from_file_location(name, binary, loader=ExtensionFileLoader(name, str(binary)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
