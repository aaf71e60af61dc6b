"""The demo, where nothing of its fleet can be read."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from job.cli import main
from job.simulator import simulate


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
