"""The documentation: current, complete, and every command in it runs."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner
from faults.cases import CASES, ENDINGS

import job
from job.cli import cli
from job.commands.demo import EXAMPLES

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "config/reference"
README = (ROOT / "README.md").read_text()
PAGES = sorted(
    path.relative_to(ROOT)
    for folder in ("", ".github", "config", "config/deploy", "config/reference", "tests/benchmarks")
    for path in (ROOT / folder).glob("*.md")
)


def generate(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "config/reference/generate.py", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_the_generated_pages_and_blocks_are_current() -> None:
    done = generate("--check")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.fleet
@pytest.mark.timeout(300)
def test_the_readmes_commands_print_what_it_shows() -> None:
    done = generate("--check", "--commands")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_is_a_path_and_not_a_reference() -> None:
    assert len(README.splitlines()) <= 200


def test_the_reference_lists_its_pages() -> None:
    listed = set(re.findall(r"\]\((\w+\.md)\)", (REFERENCE / "README.md").read_text()))
    assert listed == {path.name for path in REFERENCE.glob("*.md")} - {"README.md"}


def command_lines(page: Path) -> Iterator[str]:
    """The lines of a page's shell blocks that call this program."""
    for block in re.findall(r"```(?:sh|console)\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
        for line in block.splitlines():
            for part in re.split(r"&&|\|", line.removeprefix("$ ").partition("  #")[0]):
                if re.match(r"\s*(\S*/)?gke-inventory ", part):
                    yield part


def test_the_pages_name_commands_and_options_that_exist() -> None:
    lines = [line for page in PAGES for line in command_lines(page)]
    assert len(lines) >= 6
    for line in lines:
        _, *arguments = shlex.split(line)
        command: click.Command = cli
        while isinstance(command, click.Group):
            command = command.commands[arguments.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for argument in arguments:
            assert not argument.startswith("-") or argument.partition("=")[0] in known, line


def test_the_python_examples_import_names_that_exist() -> None:
    blocks = [
        block for page in PAGES for block in re.findall(r"```python\n(from .*?)```", (ROOT / page).read_text(), re.S)
    ]
    imported = {
        name.name
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module == "gke_inventory"
        for name in node.names
    }
    assert {"kubernetes_client", "latest", "snapshot"} <= imported <= set(job.__all__)


def test_every_exit_code_of_the_tests_is_in_the_reference() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", (REFERENCE / "commands.md").read_text(), re.MULTILINE)}
    assert {ending.exit_code for ending in ENDINGS.values()} | {case.exit_code for case in CASES} <= listed


class LogCall(NamedTuple):
    """A call such as `log.info("run started", run_id=...)`."""

    level: str
    event: str
    fields: tuple[str, ...]


def log_calls() -> Iterator[LogCall]:
    for path in (ROOT / "job").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log"), attr=level), args=[ast.Constant(value=event)]
                ):
                    yield LogCall(level, event, tuple(keyword.arg for keyword in node.keywords if keyword.arg))


def test_the_reference_lists_every_log_message_with_its_fields() -> None:
    rows = re.findall(r"^\| `(.+?)` \| ([A-Z, ]+) \| .* \| (.+) \|$", (REFERENCE / "logs.md").read_text(), re.MULTILINE)
    listed = {event: (levels.lower(), fields) for event, levels, fields in rows}
    called = list(log_calls())
    assert len(called) > 10
    for call in called:
        levels, fields = listed[call.event]
        assert call.level in levels, call
        assert all(f"`{field}`" in fields for field in call.fields), call
    source = "\n".join(path.read_text() for path in (ROOT / "job").rglob("*.py"))
    assert [event for event in listed if f'"{event}"' not in source] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / file if file else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_examples_of_the_demo_are_plain_sql() -> None:
    for title, sql in EXAMPLES:
        assert title.endswith("?")
        assert sql.startswith("SELECT")


def test_schema_docs_prints_the_page_of_the_tables() -> None:
    printed = CliRunner().invoke(cli, ["schema", "docs"]).output
    assert (REFERENCE / "tables.md").read_text().endswith(printed)


def test_the_makefile_and_the_hooks_name_files_that_exist() -> None:
    text = (ROOT / "config/Makefile").read_text() + (ROOT / ".pre-commit-config.yaml").read_text()
    paths = set(re.findall(r"(?<![\w./])(?:config|tests)/[\w./]+", text))
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
