"""What is compiled (`core/loops/*.c`, `sending.c`), where there is a C compiler; without one Isotherm works as well, slower."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("src/isotherm")
# no fused multiply-add: tiles are those of plain float64, on every machine
FLAGS = ("-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off")
PLATFORM_FLAGS = ("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()


class Module(NamedTuple):
    """A compiled module: where its binary goes, what it is made of, and what is as before without it. Paths within the package."""

    binary: str
    sources: str
    without: str


MODULES = (
    Module("core/_counting.abi3.so", "core/loops/*.c", "the counting loops stay in numpy"),
    Module("_sending.abi3.so", "sending.c", "frames are sent one by one"),
)


class CompiledModules(BuildHookInterface[Any]):
    """Puts each binary into the package; for wheels they are named so that they serve this Python and all later ones."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        made = [binary for module in MODULES if (binary := self._make(module)) is not None]
        if made and version != "editable":
            build_data["artifacts"] += [str(binary.relative_to(self.root)) for binary in made]
            build_data["tag"] = f"cp311-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
            build_data["pure_python"] = False

    def _make(self, module: Module) -> Path | None:
        """The binary; None: it could not be made, and that was said."""
        package = Path(self.root, PACKAGE)
        binary = package / module.binary
        why = _compile(sorted(package.glob(module.sources)), binary)
        if why is None:
            return binary
        binary.unlink(missing_ok=True)  # of an older source
        self.app.display_warning(f"{module.without}; to compile what does it quicker takes a C compiler and Python's headers ({why})")
        return None


def _compile(sources: list[Path], binary: Path) -> str | None:
    """None: it is made; else why not."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    include = f"-I{sysconfig.get_paths()['include']}"
    made = binary.with_suffix(f".{os.getpid()}")
    command = [*compiler, *FLAGS, *PLATFORM_FLAGS, include, *map(str, sources), "-o", str(made)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, errors="replace")
    except (OSError, subprocess.CalledProcessError) as error:
        made.unlink(missing_ok=True)
        told = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
        return next((line for line in told.splitlines() if "error" in line), str(error))
    made.replace(binary)
    return None
