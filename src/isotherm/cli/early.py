"""Early: what has to be so before numpy is imported. Every command imports this first.

numpy brings a library for linear algebra that starts a thread a core when it is loaded, each with memory of its own. Nothing here
multiplies matrices: without the threads a command starts some 50 ms of CPU earlier.
"""

from __future__ import annotations

import os

__all__: list[str] = []

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
