"""Snapshots of every GKE cluster, as tables that an analyst can trust."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from job.client import kubernetes_client
    from job.config import Config, load_config
    from job.frames import latest, query, snapshot

_WHERE = {
    "Config": "job.config",
    "kubernetes_client": "job.client",
    "latest": "job.frames",
    "load_config": "job.config",
    "query": "job.frames",
    "snapshot": "job.frames",
}

__all__ = ["Config", "kubernetes_client", "latest", "load_config", "query", "snapshot"]


def __getattr__(name: str) -> Any:
    """Imports what is asked for: `--help` must not wait for what it does not need."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)
