"""The JSON API under /_api/v1, health, readiness and metrics."""

from coordinator.api.app import create_api

__all__ = ["create_api"]
