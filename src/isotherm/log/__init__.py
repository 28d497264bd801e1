"""What was promised: records that are on the disk before anyone is told so, and read again after a crash."""

from isotherm.log.copying import copy_database
from isotherm.log.digests import Digests, Stored
from isotherm.log.store import Log, LogError

__all__ = ["Digests", "Log", "LogError", "Stored", "copy_database"]
