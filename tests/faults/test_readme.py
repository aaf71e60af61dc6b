"""The README's tables of faults are printed from the tests' own, and no fault of the simulator goes untested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from faults.cases import CASES, ENDINGS, table_of_cases, table_of_endings

from job.simulator.faults import KINDS

HERE = Path(__file__).parent
README = (HERE.parent.parent / "README.md").read_text()
SOURCE = "\n".join(path.read_text() for path in sorted(HERE.glob("*.py")))


@pytest.mark.parametrize(("marker", "table"), [("faults", table_of_cases()), ("endings", table_of_endings())])
def test_the_readmes_tables_are_current(marker: str, table: str) -> None:
    shown = re.search(rf"<!-- {marker} -->\n(.*?)\n<!-- /{marker} -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == table


def test_what_the_tables_name_is_tested() -> None:
    for test in (*ENDINGS, *(case.by for case in CASES if case.by)):
        assert f"\ndef {test}(" in SOURCE, test


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_of_the_simulator_is_played(kind: str) -> None:
    played = {fault["kind"] for case in CASES for fault in case.faults}
    assert kind in played or f'"{kind}"' in SOURCE
