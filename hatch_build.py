"""The compiled loops (`core/loops/*.c`), where there is a C compiler; without one Isotherm installs and works as well, slower."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path("src/isotherm/core")
# no fused multiply-add: tiles are those of plain float64, on every machine
FLAGS = ("-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off")
PLATFORM_FLAGS = ("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()


class CompiledLoops(BuildHookInterface[Any]):
    """Puts one binary beside its source; for wheels it is named so that it serves this Python and all later ones."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        binary = Path(self.root, FOLDER, "_counting.abi3.so")
        why = self._compile(binary)
        if why is not None:
            binary.unlink(missing_ok=True)  # of an older source
            self.app.display_warning(f"the counting loops stay in numpy; to compile them takes a C compiler and Python's headers ({why})")
            return
        if version != "editable":
            build_data["artifacts"].append(str(binary.relative_to(self.root)))
            build_data["tag"] = f"cp311-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
            build_data["pure_python"] = False

    def _compile(self, binary: Path) -> str | None:
        """None: it is made; else why not."""
        compiler = shlex.split(os.environ.get("CC", "cc"))
        include = f"-I{sysconfig.get_paths()['include']}"
        sources = [str(source) for source in sorted((binary.parent / "loops").glob("*.c"))]
        made = binary.with_suffix(f".{os.getpid()}")
        command = [*compiler, *FLAGS, *PLATFORM_FLAGS, include, *sources, "-o", str(made)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, errors="replace")
        except (OSError, subprocess.CalledProcessError) as error:
            made.unlink(missing_ok=True)
            told = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
            return next((line for line in told.splitlines() if "error" in line), str(error))
        made.replace(binary)
        return None
