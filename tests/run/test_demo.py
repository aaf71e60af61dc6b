"""The demo, where nothing of its fleet can be read, and where its file is somebody else's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb
import pytest

from job.cli import main
from job.simulator import simulate
from job.sinks.duckdb import DuckDBSink


def test_a_demo_that_reads_nothing_does_not_pass_for_a_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("job.simulator.simulate", partial(simulate, faults=["*:*:tls_unknown_ca"]))
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "")  # restored after the demo has set them
    words = ["gke-inventory", "demo", "--clusters", "1", "--pods", "1", "--output", str(tmp_path / "d.duckdb")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "0 complete" in capsys.readouterr().out


@pytest.mark.parametrize("made_by", ["a run", "somebody else"])
def test_a_demo_writes_only_to_files_that_a_demo_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made_by: str
) -> None:
    path = tmp_path / "inventory.duckdb"
    if made_by == "a run":
        DuckDBSink(path, timeout_seconds=5).apply()
    else:
        with duckdb.connect(str(path)) as theirs:
            theirs.execute("CREATE TABLE pods (mine INTEGER)")
    before = path.read_bytes()
    monkeypatch.setattr("sys.argv", ["gke-inventory", "demo", "--output", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"sink {path}: " in capsys.readouterr().err
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
