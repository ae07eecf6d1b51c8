"""Histories of concurrent clients on one key, and whether an order of them explains them all."""
