"""Keeps the store whole: repair, scrub, reconciliation with the nodes, rebalancing."""

from coordinator.repair.healer import Healer, HealSettings

__all__ = ["HealSettings", "Healer"]
