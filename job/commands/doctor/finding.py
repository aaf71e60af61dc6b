"""What one check of `doctor` found: the record that is printed, and the few ways to make it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from job.printable import printable, without_tokens

Category = Literal["credentials", "projects", "clusters", "sink"]

_MAX_TEXT, _MAX_COMMAND = 1000, 8000  # characters


class Mend(msgspec.Struct, frozen=True):
    """One way to mend a finding."""

    how: str
    """What it does, in a sentence."""
    command: str | None = None
    """What to enter in a shell; None where no command does it."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check."""

    category: Category
    subject: str
    """What was checked: `project shop-prod`, `cluster shop-prod/europe-west1/web`, ..."""
    status: Literal["ok", "finding", "skipped"]
    action: str
    """What was done: `list the clusters`."""
    message: str
    """What was found, what went wrong, or why it was skipped."""
    costs: tuple[str, ...] = ()
    """What a run lacks because of it."""
    mends: tuple[Mend, ...] = ()
    """Each of them is enough."""


def passed(category: Category, subject: str, action: str, message: str) -> Check:
    """A check without a finding."""
    return Check(category=category, subject=subject, status="ok", action=action, message=message)


def skipped(category: Category, subject: str, action: str, because: str) -> Check:
    """A check that cannot be made, often because of another finding."""
    return Check(category=category, subject=subject, status="skipped", action=action, message=because)


def finding(
    category: Category, subject: str, action: str, message: str, *, costs: Iterable[str], mends: Iterable[Mend]
) -> Check:
    """A check that found something to mend."""
    return Check(
        category=category, subject=subject, status="finding", action=action, message=message,
        costs=tuple(costs), mends=tuple(mends),
    )  # fmt: skip


def commands_in(message: str) -> list[Mend]:
    """The commands that an error of this program advises.

    >>> commands_in("it is off; enable it: `gcloud services enable x.googleapis.com --project p`")
    [Mend(how='as the error says', command='gcloud services enable x.googleapis.com --project p')]
    """
    return [Mend("as the error says", command) for command in _COMMAND.findall(message)]


def without_secrets(check: Check, tokens: Sequence[str]) -> Check:
    """The check as it may be printed: whatever a server said, it moves no cursor and repeats no token."""

    def clean(text: str) -> str:
        return printable(without_tokens(text, tokens), _MAX_TEXT)

    def clean_lines(text: str) -> str:
        lines = without_tokens(text, tokens)[:_MAX_COMMAND].split("\n")
        return "\n".join("".join(char for char in line if char.isprintable()) for line in lines)

    return msgspec.structs.replace(
        check,
        subject=clean(check.subject),
        message=clean(check.message),
        costs=tuple(map(clean, check.costs)),
        mends=tuple(Mend(clean(each.how), each.command and clean_lines(each.command)) for each in check.mends),
    )


# Messages have words of servers too: only what this program advises is a command, whatever is between backticks.
_COMMAND = re.compile(
    r"`(gcloud (?:services enable [a-z][a-z0-9-]*\.googleapis\.com --project [A-Za-z0-9][A-Za-z0-9.:-]*"
    r"|auth application-default login(?: --[a-z-]+)*))`"
)
