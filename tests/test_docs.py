"""The documentation is as it should be, or these fail."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import msgspec
from click.testing import CliRunner

from job.cli import cli
from job.commands.demo import EXAMPLES
from job.tables import TABLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def table_of_tables() -> str:
    """What stands between the README's markers."""
    lines = ["| table | one row is | columns |", "| --- | --- | --- |"]
    for name, record in TABLES.items():
        count = len(msgspec.structs.fields(record)) + 5
        lines.append(f"| `{name}` | {record.description} | {count} |")
    return "\n".join(lines)


def test_the_readmes_table_of_tables_is_current() -> None:
    shown = re.search(r"<!-- tables -->\n(.*?)\n?<!-- /tables -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == table_of_tables()


def test_the_readmes_reference_is_what_schema_docs_prints() -> None:
    shown = re.search(r"<!-- reference -->\n(.*?)\n?<!-- /reference -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == CliRunner().invoke(cli, ["schema", "docs"]).output.rstrip("\n")


def test_every_command_is_in_the_readme() -> None:
    assert isinstance(cli, click.Group)
    for name in cli.commands:
        assert re.search(rf"^\| `{name}\b", README, re.MULTILINE), name


def test_the_readmes_command_lines_are_ones_that_the_program_takes() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    ours = [part for line in lines for part in line.split("&&") if "gke-inventory " in part and "docker" not in part]
    assert len(ours) >= 6
    for line in ours:
        words = shlex.split(line)
        arguments = words[next(i for i, word in enumerate(words) if word.endswith("gke-inventory")) + 1 :]
        done = CliRunner().invoke(cli, [*arguments[:1], "--help"])
        assert done.exit_code == 0, line
        for flag in (word for word in arguments if word.startswith("--")):
            assert flag in done.output, line


def test_the_examples_of_the_demo_are_plain_sql() -> None:
    for title, sql in EXAMPLES:
        assert title.endswith("?")
        assert sql.startswith("SELECT")
