"""The example notebook: its cells run in IPython, one after another, and it has no output of anybody's machine."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from made import sink_at
from warehouse import Read, gke_cluster, node, pod, publish, run_of

from job.config import load_config
from job.sinks.open_sink import open_warehouse
from job.tables.record import KeyValue

NOTEBOOK = Path(__file__).parent.parent / "config/notebooks/fleet.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
AMOUNTS = {"cpu_allocatable_millicores": 4000, "memory_allocatable_bytes": 8 << 30, "pods_allocatable": 110}


@pytest.fixture
def two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readings of one cluster, of which the second has other nodes and pods, and one that could not be read."""
    address = sink_at(tmp_path / "x.duckdb")
    monkeypatch.setenv("GKE_INVENTORY_SINK", address)
    monkeypatch.setenv("GKE_INVENTORY_PROJECTS", "shop-prod")
    opened = open_warehouse(load_config())
    labels = (KeyValue(key="app", value="web"),)
    for number, count in enumerate((1, 2), 1):
        nodes = [
            node(f"n{each}", kubelet_version=f"v1.3{each}.1-gke.1", **AMOUNTS) for each in range(number, 3 * count)
        ]
        pods = [pod(f"p{each}", labels=labels, node="n1", cpu_request_millicores=500) for each in range(3 * count)]
        more = {"nodes": nodes, "clusters": [gke_cluster("1.33.1-gke.1")]}
        read = (Read("web", ["x"], pods, more=more), Read("lost", "forbidden", "forbidden"))
        publish(opened, run_of(number, *read), run_id=f"run-{number}")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What a kernel runs cells in."""
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    mpl.use("agg")
    made: Any = InteractiveShell()
    made.history_manager.enabled = False
    yield made
    made.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.usefixtures("two_runs")
def test_every_cell_runs_and_says_what_is_missing_first(shell: Any) -> None:
    shown = []
    for cell in CELLS:
        if cell["cell_type"] == "code":
            printed = io.StringIO()
            with redirect_stdout(printed):
                done = shell.run_cell("".join(cell["source"]))
            done.raise_error()
            shown.append(done.result)
    assert shown[1].loc["lost"].to_dict() == {"never_read": 2, "ok": 0}
    names = shell.user_ns
    assert set(names["missing"]["cluster"]) == {"lost"}
    assert names["nodes"].loc["web"].sum() == 4
    assert names["by_app"].to_dict() == {"web": 6}
    assert names["seen"].groupby("snapshot_time")["pods"].sum().tolist() == [3, 6]
    assert {"added", "removed"} <= set(names["changed"]["change"])
    assert shown[-1].to_dict() == {"web": 3}


def test_it_has_no_outputs_and_no_path_of_a_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert text.isascii()
    assert not [cell for cell in CELLS if cell.get("outputs") or cell.get("execution_count")]
    for place in ("/home/", "/Users/", "/root/", "/tmp/"):
        assert place not in text
