"""Faults for a running local cluster, as functions; `python -m benchmarks fault` is their command
line, and the shell scripts beside this file are the common stories.
"""

from benchmarks.faults.book import DAMAGE, Broken, FaultKind
from benchmarks.faults.damage import FaultError
from benchmarks.faults.faults import Faults

__all__ = ["DAMAGE", "Broken", "FaultError", "FaultKind", "Faults"]
