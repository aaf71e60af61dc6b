"""Keeps packages out of commands that do not need them, where other packages import them if they are installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _LeftOut(MetaPathFinder):
    """Makes packages look as if they were not installed."""

    names: frozenset[str] = frozenset({"pandas", "pyarrow", "rich"})

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Called for each module that is imported for the first time."""
        if name in self.names:
            raise ModuleNotFoundError(f"commands do without {name}", name=name)


_finder = _LeftOut()


@contextmanager
def without_packages() -> Iterator[None]:
    """BigQuery's client imports pandas and pyarrow, which is half of the CPU time that it takes to load.

    structlog imports rich.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.meta_path.insert(0, _finder)
    try:
        yield
    finally:
        sys.meta_path.remove(_finder)


@contextmanager
def importing(name: str) -> Iterator[None]:
    """Inside the block, this one package can be imported."""
    before, _finder.names = _finder.names, _finder.names - {name}
    try:
        yield
    finally:
        _finder.names = before
