"""The image: built from the Dockerfile by a container engine, and run as Cloud Run does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from deploy.engine import Engine
from deploy.test_supply_chain import bill

from job.simulator import Simulator, simulate

ROOT = Path(__file__).parents[2]
TAG = "localhost/gke-inventory:test"

MISSING = Engine.missing()

slow = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(MISSING is not None, reason=str(MISSING)),
    pytest.mark.xdist_group("image"),
]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: name and words."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line.strip()]


def test_what_is_copied_is_what_dockerignore_lets_through() -> None:
    copied = {
        word.rstrip("/")
        for name, words in instructions()
        if name == "COPY" and not words.startswith("--from")
        for word in words.split()[:-1]
    }
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert "**/__pycache__" in lines
    assert all((ROOT / path).exists() for path in copied)


def test_both_stages_have_one_base_and_the_last_user_is_not_root() -> None:
    (base,) = (words for name, words in instructions() if name == "ARG" and words.startswith("BASE="))
    assert re.fullmatch(r"BASE=python:3\.11-slim@sha256:[0-9a-f]{64}", base)
    assert [words for name, words in instructions() if name == "FROM"] == ["${BASE} AS build", "${BASE}"]
    assert [words for name, words in instructions() if name == "USER"] == ["65532:65532"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    found = Engine(tmp_path_factory.mktemp("engine"))
    try:
        found.build(ROOT, TAG, BUILD="abc1234")
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=3, pods=20, seed=5, plain=True) as found:
        for path in [found.directory, *found.directory.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)  # the image has another user
        yield found


def python(engine: Engine, program: str, *options: str) -> Any:
    """The JSON that a program prints in the image, on a read-only root file system."""
    done = engine.run("--read-only", "--network=none", *options, "--entrypoint=python", TAG, "-c", program)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestImage:
    pytestmark = slow

    def test_it_says_its_version_and_build(self, engine: Engine) -> None:
        done = engine.run("--read-only", "--network=none", TAG, "--version")
        assert (done.stdout, done.stderr) == (f"gke-inventory {version('gke-inventory')} (build abc1234)\n", "")

    def test_its_help_needs_neither_network_nor_files(self, engine: Engine) -> None:
        done = engine.run("--read-only", "--network=none", TAG, "run", "--help")
        assert done.returncode == 0, done.stderr
        assert "Take one snapshot of everything that is configured." in done.stdout

    def test_without_a_network_it_says_what_is_missing(self, engine: Engine) -> None:
        done = engine.run("--read-only", "--tmpfs=/tmp", "--network=none", TAG, "run", "--project=shop-prod")
        assert (done.returncode, done.stdout) == (2, "")
        assert "no Application Default Credentials" in done.stderr
        assert "Traceback" not in done.stderr

    def test_without_a_configuration_it_says_what_is_missing(self, engine: Engine) -> None:
        done = engine.run("--read-only", "--tmpfs=/tmp", "--network=none", TAG)
        assert (done.returncode, done.stdout) == (2, "")
        assert "no projects are configured" in done.stderr

    def test_it_runs_as_nobody_and_writes_nowhere(self, engine: Engine) -> None:
        program = (
            "import json, os\n"
            "folders = (d for d, _, _ in os.walk('/') if not d.startswith(('/proc', '/dev')))\n"
            "writable = [d for d in folders if os.access(d, os.W_OK)]\n"
            "print(json.dumps([os.getuid(), os.getgid(), os.getcwd(), writable]))"
        )
        assert python(engine, program, "--tmpfs=/tmp") == [65532, 65532, "/tmp", ["/tmp"]]

    def test_it_has_what_the_bill_of_materials_says_and_no_installer(self, engine: Engine) -> None:
        program = (
            "import json, importlib.metadata as m, importlib.util as u, re\n"
            "found = {re.sub('[-_.]+', '-', d.name).lower(): d.version for d in m.distributions()}\n"
            "tools = [n for n in ('pip', 'setuptools', 'wheel', 'hatchling', 'ensurepip') if u.find_spec(n)]\n"
            "print(json.dumps([found, tools]))"
        )
        found, tools = python(engine, program)
        assert tools == []
        components = bill()["components"]
        required = {each["name"]: each["version"] for each in components if each["scope"] == "required"}
        assert found == required | {"gke-inventory": version("gke-inventory")}
        (bare, _) = python(engine, program, "--env=PATH=/usr/local/bin:/usr/bin")
        assert bare == {}

    def test_every_module_is_compiled(self, engine: Engine) -> None:
        program = (
            "import json, pathlib, importlib.util as u\n"
            "lib = pathlib.Path('/opt/gke-inventory/lib')\n"
            "files = [p for p in lib.rglob('*.py') if p.read_bytes()]\n"
            "flags = {p: pathlib.Path(u.cache_from_source(str(p))) for p in files}\n"
            "bad = [str(p) for p, c in flags.items() if not c.exists() or c.read_bytes()[4:8] != b'\\x01\\0\\0\\0']\n"
            "print(json.dumps([len(files), bad]))"
        )
        count, uncompiled = python(engine, program)
        assert count > 3000
        assert uncompiled == []

    def _run(self, engine: Engine, fleet: Simulator, folder: Path, *options: str, sink: str) -> Any:
        config = folder / "inventory.yaml"
        config.write_text(json.dumps({**fleet.configuration, "sink": sink}))
        config.chmod(0o444)
        named = [f"--env={name}={value}" for name, value in fleet.environment.items()]
        return engine.run(
            "--read-only", "--network=host", "--env=GKE_INVENTORY_CONFIG=/config/inventory.yaml",
            f"--volume={config}:/config/inventory.yaml:ro", f"--volume={fleet.directory}:{fleet.directory}:ro",
            *named, *options, TAG, "run", "--json",
        )  # fmt: skip

    @pytest.mark.parametrize("sink", ["bigquery://PROJECT.inventory?location=EU", "duckdb:////spool/x.duckdb"])
    def test_it_reads_a_whole_fleet_on_a_read_only_root(
        self, engine: Engine, fleet: Simulator, tmp_path: Path, sink: str
    ) -> None:
        url = sink.replace("PROJECT", fleet.projects[0])
        spool = ("--tmpfs=/spool:mode=1777", "--env=TMPDIR=/spool")
        done = self._run(engine, fleet, tmp_path, *spool, sink=url)
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        pods = sum(len(cluster["objects"]["pods"]) for cluster in fleet.inventory()["clusters"])
        assert (summary["status"], summary["clusters_complete"], summary["rows"]["pods"]) == ("complete", 3, pods)
        for line in done.stderr.splitlines():
            assert json.loads(line)["severity"] == "INFO"

    def test_a_full_spool_is_reported_in_a_sentence(self, engine: Engine, fleet: Simulator, tmp_path: Path) -> None:
        spool = ("--tmpfs=/spool:mode=1777,size=4k", "--env=TMPDIR=/spool")
        done = self._run(engine, fleet, tmp_path, *spool, sink=f"bigquery://{fleet.projects[0]}.full?location=EU")
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "temporary file" in done.stderr
        assert "TMPDIR" in done.stderr

    def test_its_size_is_the_one_in_the_readme(self, engine: Engine) -> None:
        program = (
            "import json, os\n"
            "sizes = (os.lstat(os.path.join(d, f)).st_size for d, _, fs in os.walk('/opt/gke-inventory') for f in fs)\n"
            "print(json.dumps(sum(sizes) / 1e6))"
        )
        megabytes = python(engine, program)
        page = (ROOT / "config/deploy/README.md").read_text()
        stated = re.search(r"(\d+) MB of packages", page)
        assert stated is not None
        assert megabytes == pytest.approx(int(stated[1]), rel=0.1)
