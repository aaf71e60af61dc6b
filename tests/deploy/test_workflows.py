"""GitHub's workflows, which never run here: their schema, known unsafe patterns, and the files that they call."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
BIN = Path(sys.executable).parent
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (GITHUB / "workflows").glob("*.yml")}


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, workflow in WORKFLOWS.items():
        for job in workflow["jobs"].values():
            yield from ((name, step) for step in job["steps"])


@pytest.mark.parametrize(
    ("schema", "pattern"), [("github-workflows", "workflows/*.yml"), ("dependabot", "dependabot.yml")]
)
def test_they_match_githubs_published_schemas(schema: str, pattern: str) -> None:
    files = [str(path) for path in GITHUB.glob(pattern)]
    assert files
    done = ran(str(BIN / "check-jsonschema"), "--builtin-schema", f"vendor.{schema}", *files)
    assert done.returncode == 0, done.stdout


def test_they_contain_no_known_unsafe_pattern() -> None:
    assert not list(GITHUB.glob("**/zizmor.*"))  # no exceptions
    done = ran(str(BIN / "zizmor"), "--offline", "--no-progress", "--pedantic", "--no-config", str(GITHUB))
    assert done.returncode == 0, done.stdout
    assert "ignore[" not in "".join(path.read_text() for path in (GITHUB / "workflows").glob("*.yml"))


def test_each_job_declares_least_permissions() -> None:
    allowed = {
        f"{name}.{job}": body["permissions"]
        for name, workflow in WORKFLOWS.items()
        for job, body in workflow["jobs"].items()
    }
    assert [workflow["permissions"] for workflow in WORKFLOWS.values()] == [{}] * len(WORKFLOWS)
    writes = {"contents": "write", "packages": "write", "id-token": "write", "attestations": "write"}
    assert allowed.pop("release.image") == writes
    assert allowed.pop("release.build") == {"contents": "read", "packages": "write"}
    assert allowed.pop("release.package") == {"contents": "read", "id-token": "write"}
    of_test = {f"test.{job}" for job in ("test", "pythons", "exhaustive", "image", "terraform", "audit")}
    assert set(allowed) == of_test | {"release.test"}
    assert all(permissions == {"contents": "read"} for permissions in allowed.values())


def test_every_action_is_pinned_by_commit_with_its_version() -> None:
    for path in (GITHUB / "workflows").glob("*.yml"):
        for used in re.findall(r"uses: (.+)", path.read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_every_step_is_plain_shell_without_expressions_in_it() -> None:
    for name, step in steps():
        assert "${{" not in step.get("run", ""), name
        if "run" in step:
            done = subprocess.run(["bash", "-n"], input=step["run"], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def test_every_file_that_they_name_exists() -> None:
    text = "\n".join(step.get("run", "") for _, step in steps())
    named = set(re.findall(r"(?<![\w/])(?:\.ci|\.github|config|tests)/[\w./-]+", text))
    assert {"config/sbom.py", "config/audit.sh", ".ci/run", ".github/release-notes.sh"} <= named
    for path in named:
        assert (ROOT / path).exists(), path


def test_a_release_is_tested_then_built_for_two_platforms_and_scanned_before_it_is_signed() -> None:
    jobs = WORKFLOWS["release"]["jobs"]
    needs = {name: job.get("needs") for name, job in jobs.items()}
    assert needs == {"test": None, "build": "test", "image": "build", "package": "image"}
    assert jobs["test"]["steps"][-1]["run"] == "bash .ci/run"
    assert [one["platform"] for one in jobs["build"]["strategy"]["matrix"]["include"]] == ["amd64", "arm64"]
    order = [step.get("uses", step.get("run", "")) for step in jobs["image"]["steps"]]
    (scanned,) = (number for number, text in enumerate(order) if "trivy" in text)
    (signed,) = (number for number, text in enumerate(order) if "cosign sign" in text)
    assert scanned < signed
    assert jobs["image"]["steps"][scanned]["with"]["exit-code"] == "1"


def test_a_release_is_signed_and_attested_by_the_digest_that_was_pushed() -> None:
    release = WORKFLOWS["release"]["jobs"]["image"]
    text = "\n".join(step.get("run", "") for step in release["steps"])
    assert 'cosign sign --yes --recursive "$IMAGE@$DIGEST"' in text
    assert 'cosign attest --yes --type cyclonedx --predicate sbom.cdx.json "$IMAGE@$DIGEST"' in text
    (provenance,) = (step for step in release["steps"] if "attest-build-provenance" in step.get("uses", ""))
    assert provenance["with"]["subject-digest"] == "${{ steps.index.outputs.digest }}"
    built = "\n".join(step.get("run", "") for step in WORKFLOWS["release"]["jobs"]["build"]["steps"])
    for words in ('--build-arg BUILD="$GITHUB_SHA"', "--sbom=true --provenance=mode=max", "${GITHUB_REPOSITORY,,}"):
        assert words in built


def test_release_notes_are_the_changelogs_section(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    script = tmp_path / ".github/release-notes.sh"
    script.write_text((GITHUB / "release-notes.sh").read_text())
    changelog = (
        "# Changelog\n\n## [0.3.0] - Unreleased\n\n- c\n\n"
        "## [0.2.0] - 2026-11-01\n\n### Added\n\n- b\n- B\n\n## [0.1.0] - 2026-10-01\n\n- a\n"
    )
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    notes = {version: ran("sh", str(script), version) for version in ("0.2.0", "0.1.0", "0.3.0", "0.2")}
    assert [notes[version].stdout.strip() for version in ("0.2.0", "0.1.0")] == ["### Added\n\n- b\n- B", "- a"]
    assert [notes[version].returncode for version in notes] == [0, 0, 1, 1]


def test_the_changelog_has_sections_of_that_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    for heading in re.findall(r"^## .*", text, re.MULTILINE):
        assert re.fullmatch(r"## \[\d+\.\d+\.\d+\] - (Unreleased|\d{4}-\d\d-\d\d)", heading)
    assert set(re.findall(r"^### (.*)", text, re.MULTILINE)) <= {"Added", "Changed", "Fixed"}


def test_the_changelogs_newest_section_is_the_programs_version() -> None:
    (version,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert re.findall(r"^## \[(.*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_the_pages_name_files_that_exist(name: str) -> None:
    text = (GITHUB / name).read_text()
    for target in re.findall(r"\]\((\.\./[^)]+)\)", text):
        assert (GITHUB / target).exists(), target
    for path in re.findall(r"(?<![\w/.])((?:job|config|tests)/[\w./-]*\w)", text):
        assert (ROOT / path).exists(), path


def test_every_python_that_the_package_names_is_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [name.rpartition(" ")[2] for name in project["classifiers"] if "Python :: 3." in name]
    assert WORKFLOWS["test"]["jobs"]["pythons"]["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"


@pytest.mark.parametrize("words", [(), ("no-such-python",)], ids=["none found", "named and not there"])
def test_the_script_for_other_interpreters_says_what_it_did_not_try(tmp_path: Path, words: tuple[str, ...]) -> None:
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    for minor in range(12, 21):
        (tmp_path / f"python3.{minor}").write_text("#!/bin/sh\nexit 1\n")  # as a shim of pyenv without that version
        (tmp_path / f"python3.{minor}").chmod(0o755)
    done = subprocess.run(
        ["bash", ".ci/pythons", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if words:
        assert done.returncode != 0
    else:
        assert (done.returncode, done.stdout) == (0, "no newer Python on this machine: not tried\n")
