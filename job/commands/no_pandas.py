"""Keeps pandas and pyarrow out of commands, which make no DataFrames."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _NoPandas(MetaPathFinder):
    """Makes both look as if they were not installed."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:  # noqa: ARG004
        """Called for each module that is imported for the first time."""
        if name in ("pandas", "pyarrow"):
            raise ModuleNotFoundError(f"commands do without {name}", name=name)


@contextmanager
def without_pandas() -> Iterator[None]:
    """BigQuery's client imports both where they are installed: half of the CPU time that the client takes to load."""
    if "pandas" in sys.modules:
        yield
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
