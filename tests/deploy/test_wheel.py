"""The wheel, built and installed: `import gke_inventory` works where a file `job.py` is in the way."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

THEIRS = "from pathlib import Path\nPath(__file__).with_name('executed').touch()\nanswer = 42\n"


class Installed(NamedTuple):
    """An environment with our package in it."""

    python: Path
    package: Path
    """Where the package `job` is."""

    def run(self, folder: Path, program: str) -> subprocess.CompletedProcess[str]:
        """Runs a program that lies in the folder."""
        (folder / "program.py").write_text(program)
        return subprocess.run(
            [self.python, "program.py"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )

    def printed(self, folder: Path, program: str) -> Any:
        """What the program prints, as JSON."""
        done = self.run(folder, f"import json, sys\n{program}")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)


def built(folder: Path, function: str) -> Path:
    """The wheel that hatchling builds; each build has a process of its own, since it works in the current folder."""
    program = f"import sys, hatchling.build as build; print(build.{function}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, folder], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return folder / done.stdout.strip()


@pytest.fixture(scope="module", params=["build_wheel", pytest.param("build_editable", marks=pytest.mark.exhaustive)])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel, or with the source tree as `pip install -e` has it."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder / "venv", with_pip=False)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    with zipfile.ZipFile(built(folder, request.param)) as wheel:
        wheel.extractall(packages)
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "zz_dependencies.pth").write_text("\n".join(dependencies))
    return Installed(
        folder / "venv/bin/python", (packages if request.param == "build_wheel" else ROOT) / "job" / "__init__.py"
    )


@pytest.fixture
def beside_job(tmp_path: Path) -> Path:
    """A folder with somebody's `job.py`, which leaves a file `executed` when it is."""
    (tmp_path / "job.py").write_text(THEIRS)
    return tmp_path


def test_gke_inventory_is_ours_beside_a_file_job(installed: Installed, beside_job: Path) -> None:
    where = installed.printed(
        beside_job,
        "from gke_inventory import kubernetes_client, latest, load_config\n"
        "modules = {f.__module__ for f in (kubernetes_client, latest, load_config)}\n"
        "print(json.dumps([sorted(modules), sys.modules['job'].__file__]))",
    )
    assert where == [["job.client", "job.config", "job.frames"], str(installed.package)]
    assert not (beside_job / "executed").exists()


def test_gke_inventory_has_the_names_of_job_and_no_others(installed: Installed, tmp_path: Path) -> None:
    same, names = installed.printed(
        tmp_path,
        "import job, gke_inventory\n"
        "names = {}\nexec('from gke_inventory import *', names)\n"
        "same = all(getattr(gke_inventory, name) is getattr(job, name) is names[name] for name in job.__all__)\n"
        "print(json.dumps([same, [dir(gke_inventory), sorted(job.__all__), sorted(names.keys() - {'__builtins__'})]]))",
    )
    assert same
    assert names[0] == names[1] == names[2]
    done = installed.run(tmp_path, "from gke_inventory import nonsense")
    assert "ImportError: cannot import name 'nonsense' from 'gke_inventory'" in done.stderr


def test_a_script_may_itself_be_named_job(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("from gke_inventory import load_config\nprint(load_config.__module__)")
    done = subprocess.run(
        [installed.python, "job.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "job.config\n", "")


def test_a_job_that_was_imported_before_keeps_working_and_a_warning_says_who_has_its_name(
    installed: Installed, beside_job: Path
) -> None:
    done = installed.run(
        beside_job,
        "import job as theirs\nfrom gke_inventory import load_config\nimport job\n"
        "print(theirs.answer, load_config.__module__, job.__file__)",
    )
    assert done.stdout == f"42 job.config {installed.package}\n"
    assert "program.py:2: RuntimeWarning: from now on, `import job` gives gke-inventory's package" in done.stderr
    assert f"package, not {beside_job}/job.py" in done.stderr


@pytest.mark.exhaustive
def test_mypy_knows_the_types(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(
        "from gke_inventory import latest, load_config\nreveal_type(load_config)\nreveal_type(latest)\n"
    )
    heavy = ",".join(f"{name}.*" for name in ("duckdb", "google", "grpc", "kubernetes", "pandas", "sqlglot"))
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = true\n[mypy-{heavy}]\nfollow_imports = skip\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", "cache", "--python-executable", installed.python, "typed.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "-> job.config.Config" in done.stdout
    assert "(name: str, *, columns: typing.Sequence[str] | None =," in done.stdout.replace(
        "collections.abc.", "typing."
    )


def test_the_report_has_its_template_style_and_script(installed: Installed, tmp_path: Path) -> None:
    program = (
        "from job.report.page import Page, html\n"
        "text = html(Page('Fleet', [], [], [], []), ())\n"
        "print(json.dumps([part in text for part in ('<title>Fleet', '--paper:', 'aria-sort')]))"
    )
    assert installed.printed(tmp_path, program) == [True, True, True]
