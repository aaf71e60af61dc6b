"""How `doctor` prints its checks: a tick or a cross each, and under each finding what it costs and what mends it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby

import click

from job.commands.doctor.finding import Check
from job.commands.output import counted, print_json
from job.printable import escaped_lines

_MARKS = {"ok": "\N{SQUARE ROOT}", "finding": "\N{MULTIPLICATION SIGN}", "skipped": "-"}  # as `linkerd check`
_ASCII = {"ok": "ok", "finding": "x ", "skipped": "- "}
_MOST_OF_A_KIND = 20  # lines without a finding that a category prints one by one


def print_checks(checks: Sequence[Check]) -> None:
    """The checks of one or more categories, for people."""
    for category, group in groupby(checks, key=lambda check: check.category):
        click.echo(f"{category}\n{'-' * len(category)}")
        found = list(group)
        fine = [check for check in found if check.status == "ok"]
        is_short = len(fine) > _MOST_OF_A_KIND
        if is_short:
            click.echo(f"{_mark('ok')} {counted(len(fine), 'check')} found nothing to mend")
        for line in _lines([check for check in found if not (is_short and check.status == "ok")]):
            click.echo(escaped_lines(line))
        click.echo()


def print_end(checks: Sequence[Check]) -> None:
    """The last line."""
    findings = sum(check.status == "finding" for check in checks)
    mark = _mark("finding" if findings else "ok")
    click.echo(f"{mark} {counted(findings, 'finding')} in {counted(len(checks), 'check')}")


def print_as_json(checks: Sequence[Check], error: str | None) -> None:
    """All checks, and why they ended early if they did."""
    is_fine = error is None and not any(check.status == "finding" for check in checks)
    print_json({"ok": is_fine, "error": error, "checks": checks})


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    shown: dict[tuple[object, ...], str] = {}
    """Mends that were printed, with the subject under which they are."""
    for check in checks:
        yield f"{_mark(check.status)} {check.subject}: {check.action}: {check.message}"
        for cost in check.costs:
            yield f"    costs: {cost}"
        first = check.mends[:1]
        if first and first in shown:
            yield f"    mend it: as for {shown[first]}"
            continue
        shown[first] = check.subject
        for number, mend in enumerate(check.mends):
            yield f"    {'or' if number else 'mend it'}: {mend.how}"
            if mend.command is not None:
                yield "\n".join(f"        {line}".rstrip() for line in mend.command.split("\n"))


def _mark(status: str) -> str:
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    return (_MARKS if encoding.replace("-", "").startswith("utf") else _ASCII)[status]
