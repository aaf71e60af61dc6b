"""Rewrites the generated documentation: .venv/bin/python config/reference/generate.py

That is most pages of this folder, config/inventory.yaml, and in README.md the blocks between markers and the outputs of
commands. `--check` writes nothing, prints what is out of date, and exits with 1 if anything is. `--check` alone leaves
out the outputs of commands, which take some seconds; `--check --commands` runs them too.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pages
import settings

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

PAGES: dict[str, Callable[[], str]] = {
    "commands": pages.commands,
    "configuration": settings.page,
    "faults": pages.faults,
    "permissions": pages.permissions,
    "python": pages.python,
    "tables": pages.tables,
    "views": pages.views_page,
}
BLOCKS: dict[str, Callable[[], str]] = {
    "tables": pages.table_of_tables,
    "views": pages.table_of_views,
}
_NOTE = "<!-- Written by config/reference/generate.py: do not edit. -->"


def generated(*, runs_commands: bool) -> Iterator[tuple[Path, str]]:
    """Each generated file with the text that it should have."""
    for name, page in PAGES.items():
        yield HERE / f"{name}.md", f"{_NOTE}\n\n{page()}\n"
    yield ROOT / "config" / "inventory.yaml", settings.example()
    readme = ROOT / "README.md"
    text = readme.read_text()
    for name, block in BLOCKS.items():
        text = replace_block(text, name, block())
    if runs_commands:
        from consoles import with_outputs

        text = with_outputs(text)
    yield readme, text


def replace_block(text: str, name: str, block: str) -> str:
    """The text with another block between its markers.

    >>> replace_block("a <!-- x -->old<!-- /x --> b", "x", "new")
    'a <!-- x -->\\nnew\\n<!-- /x --> b'
    """
    opened, closed = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(opened)
    _, end, after = rest.partition(closed)
    if not (found and end):
        raise SystemExit(f"README.md: no block between {opened} and {closed}")
    return f"{before}{opened}\n{block}\n{closed}{after}"


def main() -> int:
    """Writes what has changed, or prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if anything is out of date")
    parser.add_argument("--commands", action="store_true", help="with --check: run README.md's commands too")
    options = parser.parse_args()
    is_current = True
    for path, text in generated(runs_commands=options.commands or not options.check):
        name = str(path.relative_to(ROOT))
        old = path.read_text() if path.exists() else ""
        if old == text:
            continue
        is_current = False
        if options.check:
            difference = difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, f"{name}, current")
            sys.stdout.writelines(difference)
        else:
            path.write_text(text)
            sys.stdout.write(f"wrote {name}\n")
    if is_current or not options.check:
        return 0
    sys.stderr.write("the documentation is out of date: run `make -f config/Makefile docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
