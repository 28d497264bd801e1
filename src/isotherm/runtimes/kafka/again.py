"""Again: what a thread does for as long as it runs is begun anew, after an outage and after a fault of our own.

A thread that ended would end in silence: the process goes on, and nothing on its pages moves any more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaException

__all__ = ["begun_anew"]

_AGAIN_S: Final = 1.0


def begun_anew(do: Callable[[], None], running: Callable[[], bool], what: str, log: logging.Logger, again_s: float = _AGAIN_S) -> None:
    """Calls `do` until it is `running` no more. `what` it can't do when it raises, for the log ("read heat")."""
    while running():
        try:
            do()
        except KafkaException as error:
            log.warning("can't %s, will try again: %s", what, error.args[0].str() if error.args else error)
            time.sleep(again_s)
        except Exception:
            log.exception("can't %s, will try again: this is a fault of Isotherm itself, please report it", what)
            time.sleep(again_s)
