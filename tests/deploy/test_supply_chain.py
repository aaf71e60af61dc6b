"""The image's packages: listed in the bill of materials, pinned, audited, and under allowed licences."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from license_expression import AND, LicenseSymbol, get_spdx_licensing

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "config/requirements.txt").read_text()

# The licences that packages in the image may have.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
    "Zlib",
}

# Package and the name of its licence -> the SPDX expression, by its licence file.
SPDX = {
    ("pyasn1-modules", "BSD"): "BSD-2-Clause",
    ("pysocks", "BSD"): "BSD-3-Clause",
    ("jinja2", "BSD License"): "BSD-3-Clause",
    ("python-dateutil", "Dual License"): "Apache-2.0 OR BSD-3-Clause",
}


@cache
def bill() -> dict[str, Any]:
    """The bill of materials that config/sbom.py prints."""
    done = subprocess.run(
        [sys.executable, "config/sbom.py"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def pins() -> dict[str, tuple[str, set[str]]]:
    """Name -> version and hashes of every pin of the lock file that applies to Linux and Python 3.11."""
    found = {}
    for pin in re.split(r"\n(?=\S)", LOCK):
        name, release, marker = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)(?: ; ([^\\]+))?", pin).groups()  # type: ignore[union-attr]
        if not marker or not re.search(r"win32|>= '3\.12'", marker):
            found[name] = (release, set(re.findall(r"--hash=sha256:([0-9a-f]{64})", pin)))
    return found


def test_every_pinned_package_is_named_with_its_version_and_hashes() -> None:
    listed = {
        component["name"]: (component["version"], {each["content"] for each in component["hashes"]})
        for component in bill()["components"]
    }
    assert listed == pins()
    for component in bill()["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"


def test_it_is_valid_and_about_this_program() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill())) is None
    product = bill()["metadata"]["component"]
    assert (product["name"], product["version"]) == ("gke-inventory", version("gke-inventory"))
    assert product["licenses"] == [{"license": {"id": "Apache-2.0"}}]


def test_packages_that_only_build_the_image_are_excluded() -> None:
    excluded = {component["name"] for component in bill()["components"] if component["scope"] == "excluded"}
    assert "hatchling" in excluded
    assert not excluded & {"kubernetes", "google-cloud-bigquery", "msgspec", "urllib3", "numpy", "grpcio"}
    dependencies = {entry["ref"]: entry.get("dependsOn", []) for entry in bill()["dependencies"]}
    required = [each["bom-ref"] for each in bill()["components"] if each["scope"] == "required"]
    assert dependencies["gke-inventory"] == sorted(required)


def words(component: dict[str, Any]) -> str:
    """A component's licence as its metadata has it."""
    (entry,) = component.get("licenses", [{"license": {"name": "none"}}])
    found = entry.get("expression") or entry["license"].get("id") or entry["license"]["name"]
    return str(found)


def is_allowed(expression: str) -> bool:
    """Whether all parts of an AND, and any part of an OR, are allowed."""
    parsed = get_spdx_licensing().parse(expression, validate=False)

    def decided(part: Any) -> bool:
        if isinstance(part, LicenseSymbol):
            return part.key in ALLOWED
        results = [decided(argument) for argument in part.args]
        return all(results) if isinstance(part, AND) else any(results)

    return decided(parsed)


def test_every_licence_is_known_and_allowed() -> None:
    refused = {
        component["name"]: words(component)
        for component in bill()["components"]
        if not is_allowed(SPDX.get((component["name"], words(component)), words(component)))
    }
    assert refused == {}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [("GPL-3.0-only", False), ("MIT AND GPL-3.0-only", False), ("MIT OR GPL-3.0-only", True), ("none", False)],
)
def test_a_licence_that_is_not_allowed_is_seen(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


@pytest.mark.parametrize("name", ["requirements", "requirements-demo", "requirements-dev", "requirements-dbt"])
def test_every_pin_has_hashes(name: str) -> None:
    for pin in re.split(r"\n(?=\S)", (ROOT / f"config/{name}.txt").read_text().strip()):
        assert re.fullmatch(
            r"[\w.-]+(?:\[[\w,-]+\])?==\S+(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+", pin
        ), pin[:80]


def test_the_image_has_what_the_developers_have() -> None:
    def pinned(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / f"config/{name}.txt").read_text(), re.MULTILINE))

    for larger in ("requirements-demo", "requirements-dev"):
        assert pinned("requirements").items() <= pinned(larger).items()


@contextmanager
def osv(vulnerable: str | None, status: int = 200) -> Iterator[str]:
    """A vulnerability database on loopback; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            package = asked["package"]
            affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "999"}]}]}]
            found = {"vulns": [{"id": "PYSEC-2026-1", "summary": "A hole.", "affected": affected}]}
            body = json.dumps(found if package["name"] == vulnerable else {}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def audit(url: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "config/audit.sh", "--osv-url", url, "--cache-dir", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PATH": path, "NO_PROXY": "127.0.0.1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_an_audit_that_finds_nothing_says_so(tmp_path: Path) -> None:
    with osv(None) as url:
        done = audit(url, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No known vulnerabilities found" in done.stdout + done.stderr
    assert "NOT CHECKED" not in done.stderr


def test_a_vulnerable_package_fails_the_audit(tmp_path: Path) -> None:
    with osv("urllib3") as url:
        done = audit(url, tmp_path)
    assert done.returncode == 1
    assert re.search(r"urllib3\s+\S+\s+PYSEC-2026-1\s+999", done.stdout)


def test_an_audit_without_a_network_fails_and_says_that_nothing_was_checked(tmp_path: Path) -> None:
    with osv(None) as url:
        pass
    done = audit(url, tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("NOT CHECKED")


def test_an_audit_that_is_refused_is_no_audit(tmp_path: Path) -> None:
    with osv(None, status=500) as url:
        done = audit(url, tmp_path)
    assert done.returncode != 0
    assert "NOT CHECKED" not in done.stderr
