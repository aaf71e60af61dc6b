"""Runs the ```console blocks of README.md against a simulated fleet, and puts what they print into them.

A line `$ command` is run by sh in a temporary folder; what follows up to the next one is its output. An output may end
with a line `... and what follows`: it is then cut before the line that a comment `<!-- cut before: line -->` above the
block names. `<!-- fold after: word -->` leaves out the rest of a paragraph, after its line that begins with the word.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from job.simulator import simulate

_BLOCK = re.compile(
    r"(?P<comments>(?:<!-- cut before: (?P<line>[^\n]*) -->\n)?(?:<!-- fold after: (?P<word>[^\n]*) -->\n)?)"
    r"```console\n(?P<steps>.*?)```",
    re.DOTALL,
)
_REST = re.compile(r"^\.\.\. .*\n", re.MULTILINE)
_VARYING = re.compile(
    r"\d+\.\d+ s\b"  # durations
    r"|\brun-\w+-\w+"  # run ids
    r"|(?:127\.0\.0\.1|localhost):\d+"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?Z?"
)


def with_outputs(text: str) -> str:
    """The text with the outputs of its commands. One that differs only in times, ports and run ids stays as it is."""
    with tempfile.TemporaryDirectory() as folder, simulate() as fleet:
        fleet.instructions()  # writes inventory.yaml
        environment = {
            **os.environ,
            **fleet.environment,
            "GKE_INVENTORY_CONFIG": str(fleet.directory / "inventory.yaml"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        return _BLOCK.sub(lambda block: _ran(block, folder, environment), text)


def _ran(block: re.Match[str], folder: str, environment: Mapping[str, str]) -> str:
    steps = [
        f"$ {command}\n{_output(command, old, block, folder, environment)}" for command, old in _steps(block["steps"])
    ]
    return f"{block['comments']}```console\n{''.join(steps)}```"


def _steps(block: str) -> Iterator[tuple[str, str]]:
    """Each command with the output below it.

    >>> list(_steps("$ true\\n$ echo a; echo b\\na\\nb\\n"))
    [('true', ''), ('echo a; echo b', 'a\\nb\\n')]
    """
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        yield command, output


def _output(command: str, old: str, block: re.Match[str], folder: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, text=True, timeout=120, check=False,
    )  # fmt: skip
    new = done.stdout.replace(f"{Path(folder).resolve()}/", "/path/to/")
    if rest := _REST.search(old):
        line = r" +".join(map(re.escape, block["line"].split()))
        found = re.search(rf"^{line}$", new, re.MULTILINE)
        if not found:
            raise SystemExit(f"README.md: the output of `{command}` has no line {block['line']!r}")
        new = f"{new[: found.start()]}{rest[0]}"
    if block["word"]:
        new = re.sub(rf"^({block['word']}\b.*\n)(?:.+\n)+", r"\1...\n", new, count=1, flags=re.MULTILINE)
    new = re.sub(r" +$", "", new, flags=re.MULTILINE)
    return old if _VARYING.sub("", old) == _VARYING.sub("", new) else new
