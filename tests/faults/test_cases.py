"""Every row of the reference's tables of faults has a test, and every fault of the simulator is played."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.cases import CASES, ENDINGS

from job.simulator.faults import KINDS

_ELSEWHERE = ("run/test_upgrade_info.py", "discover/test_cloud_asset_inventory.py")
FILES = (*sorted(Path(__file__).parent.glob("*.py")), *(Path(__file__).parents[1] / file for file in _ELSEWHERE))
SOURCE = "\n".join(path.read_text() for path in FILES)


def test_what_the_tables_list_is_tested() -> None:
    for test in (*ENDINGS, *(case.by for case in CASES if case.by)):
        assert f"\ndef {test}(" in SOURCE, test


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_of_the_simulator_is_played(kind: str) -> None:
    played = {fault["kind"] for case in CASES for fault in case.faults}
    assert kind in played or f'"{kind}"' in SOURCE
