"""The examples in docstrings are run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import job

MODULES = [
    module.name
    for module in pkgutil.walk_packages(job.__path__, "job.")
    if not module.name.startswith("job.simulator")  # it has none, and takes long to import
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_what_comes_back(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_of_pure_functions() -> None:
    found = {
        example.name.rpartition(".")[2]
        for name in MODULES
        if name.startswith("job.kinds.parts.")
        for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
        if example.examples
    }
    assert {"base_units", "milli_units", "parse_image", "digest_of", "allowed_annotations", "counts"} <= found
