"""Snapshots every GKE cluster into BigQuery or DuckDB, and records what it could not read."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which would be the first thing that each command imports
if TYPE_CHECKING:
    from typing import Any

    from job.client import kubernetes_client
    from job.config import Config, load_config
    from job.frames import latest, query, snapshot

_MODULES = {
    "Config": "job.config",
    "kubernetes_client": "job.client",
    "latest": "job.frames",
    "load_config": "job.config",
    "query": "job.frames",
    "snapshot": "job.frames",
}

__all__ = ["Config", "kubernetes_client", "latest", "load_config", "query", "snapshot"]


def __getattr__(name: str) -> Any:
    """Imports a name when it is first used: `--help` must not wait for pandas."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)
