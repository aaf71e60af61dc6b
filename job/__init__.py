"""Snapshots every GKE cluster into BigQuery or DuckDB, and records what it could not read."""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which would be the first thing that each command imports
if TYPE_CHECKING:
    from typing import Any

    from job.client import kubernetes_client
    from job.config import Config, load_config
    from job.dataframe import for_excel
    from job.frames import as_of, bytes_of, changes, history, latest, query, snapshot

    __version__: str

_MODULES = {
    "Config": "job.config",
    "as_of": "job.frames",
    "bytes_of": "job.frames",
    "changes": "job.frames",
    "for_excel": "job.dataframe",
    "history": "job.frames",
    "kubernetes_client": "job.client",
    "latest": "job.frames",
    "load_config": "job.config",
    "query": "job.frames",
    "snapshot": "job.frames",
}

__all__ = [
    "Config", "__version__", "as_of", "bytes_of", "changes", "for_excel", "history", "kubernetes_client", "latest",
    "load_config", "query", "snapshot",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports a name when it is first used: `--help` must not wait for pandas."""
    from importlib import import_module

    if name == "__version__":
        return import_module("job.version").VERSION
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
