"""The examples in docstrings give what they show."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def with_examples(folder: str) -> list[Path]:
    """The folder's Python files that have examples, relative to the root."""
    paths = (path for path in sorted((ROOT / folder).rglob("*.py")) if "\n    >>> " in path.read_text())
    return [path.relative_to(ROOT) for path in paths]


@pytest.mark.parametrize("path", with_examples("job"), ids=str)
def test_the_examples_of_the_job_are_right(path: Path) -> None:
    module = importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("path", with_examples("config"), ids=str)
def test_the_examples_of_the_scripts_are_right(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "doctest", str(ROOT / path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
