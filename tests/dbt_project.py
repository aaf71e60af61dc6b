"""A dbt project on the sources that `schema dbt` prints, with dbt itself: `python tests/dbt_project.py DBT`.

DBT is the Python of another environment, which has dbt-duckdb: dbt needs an older protobuf than the job has. `.ci/dbt`
makes it. This is no test of pytest for that reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from declared import is_like_another
from warehouse import Read, publish, run_of

from job.sinks.duckdb import DuckDBSink
from job.views import views

COLUMNS = {"team": {"labels": ["team", "app"]}}
MODEL = """\
SELECT p.cluster, p.team, COUNT(*) AS pods, MAX(c.read_age_seconds) AS age
FROM {{ source('gke_inventory', 'pods') }} AS p
JOIN {{ source('gke_inventory', 'coverage') }} AS c USING (project_id, location, cluster)
WHERE c.resource = 'pods'
GROUP BY 1, 2
"""
ALIKE = " ".join(
    [
        "source:gke_inventory.*_history",
        *(f"source:gke_inventory.{view.name}" for view in views() if is_like_another(view)),
    ]
)
"""Histories have the same tests as the tables, as have tables of one form, and each takes as long."""
# One process runs all of dbt's commands: starting it takes longer than most of them.
RUNNER = """\
import json, sys
from dbt.cli.main import dbtRunner
runner = dbtRunner()
for command in json.loads(sys.argv[1]):
    done = runner.invoke(command)
    print("ENDED", " ".join(command), done.success)
    if done.exception:
        print(done.exception)
"""


def project(folder: Path, database: Path, sources: str) -> None:
    """Writes a project whose one model reads two of the sources."""
    (folder / "models").mkdir(parents=True)
    (folder / "models/sources.yml").write_text(sources)
    (folder / "models/pods_by_team.sql").write_text(MODEL)
    names = {"name": "inventory_test", "version": "1.0", "profile": "local", "model-paths": ["models"]}
    (folder / "dbt_project.yml").write_text(json.dumps(names))
    target = {"type": "duckdb", "path": str(database), "schema": "marts"}
    (folder / "profiles.yml").write_text(json.dumps({"local": {"target": "t", "outputs": {"t": target}}}))


def dbt(python: str, folder: Path, *commands: str) -> str:
    """Runs dbt's commands in the folder; returns what it printed."""
    options = ["--no-use-colors", "--no-version-check", "--no-send-anonymous-usage-stats"]
    asked = [[*options, *command.split()] for command in commands]
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [python, "-c", RUNNER, json.dumps(asked)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def statuses(folder: Path, file: str) -> dict[str, str]:
    """Each node of a run of dbt -> how it ended."""
    results: list[dict[str, Any]] = json.loads((folder / "target" / file).read_text())["results"]
    return {result["unique_id"]: result["status"] for result in results}


def ours(*arguments: str, config: Path) -> str:
    """What a command of the job prints."""
    command = [sys.executable, "-m", "job.cli", *arguments, "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def main(python: str, folder: Path) -> None:
    """A fresh database passes everything; one whose last commit is old has stale sources.

    Raises:
        AssertionError: anything else.
    """
    fresh, stale = folder / "fresh.duckdb", folder / "stale.duckdb"
    demo = [sys.executable, "-m", "job.cli", "demo", "--output", str(fresh), "--clusters", "2", "--pods", "40"]
    assert subprocess.run(demo, capture_output=True, timeout=300, check=False).returncode in (0, 3)
    publish(DuckDBSink(stale, timeout_seconds=5), run_of(1, Read("a", ["x"], ["p1"])))
    for database in (fresh, stale):
        config = folder / f"{database.stem}.yaml"
        config.write_text(json.dumps({"columns": COLUMNS, "sink": f"duckdb:///{database}"}))
        ours("schema", "apply", config=config)
        project(folder / database.stem, database, ours("schema", "dbt", config=config))

    freshness, every = "source freshness", {"pass"}
    printed = dbt(python, folder / "fresh", "--warn-error parse", freshness, "run", f"test --exclude {ALIKE}")
    assert printed.count("ENDED") == 4 and "False" not in printed, printed  # noqa: PT018
    found = statuses(folder / "fresh", "sources.json")
    assert set(found.values()) == every, found
    assert "source.inventory_test.gke_inventory.pods_history" in found
    tests = statuses(folder / "fresh", "run_results.json")
    assert set(tests.values()) == every, {name: status for name, status in tests.items() if status != "pass"}
    with duckdb.connect(str(fresh), read_only=True) as connection:
        of_model = "SELECT SUM(pods), COUNT(team) FROM marts.pods_by_team"
        pods, teams = connection.execute(of_model).fetchone() or (0, 0)
        assert connection.execute("SELECT COUNT(*) FROM pods").fetchall() == [(pods,)]
        assert teams

    printed = dbt(python, folder / "stale", freshness)
    assert "False" in printed, printed
    assert set(statuses(folder / "stale", "sources.json").values()) == {"error"}
    print(f"dbt: {len(found)} sources, {len(tests)} tests")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="gke-inventory-dbt-") as made:
        main(sys.argv[1], Path(made))
