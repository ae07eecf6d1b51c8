"""An audit that believes nobody: asks the nodes for every shard that the metadata speaks of.

It is what the repair loop is held against, so it shares no code with it, nor with the path of the
bytes: it knows the metadata, the nodes' wire contract and the code's mathematics.
"""

from coordinator.audit.audit import Told, audit
from coordinator.audit.findings import Defect, Finding, Progress, SilentNode, Summary

__all__ = ["Defect", "Finding", "Progress", "SilentNode", "Summary", "Told", "audit"]
