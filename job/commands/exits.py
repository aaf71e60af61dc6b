"""Exit codes, and what a command prints when it fails."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable

import click

from job.errors import InventoryError
from job.printable import escaped_lines
from job.signals import TERMINATED, Stop

__all__ = [
    "BUG", "COMPLETE", "INCOMPLETE", "INTERRUPTED", "TERMINATED", "USAGE", "Done", "fail", "report_error",
    "report_lost_output", "report_stop",
]  # fmt: skip

COMPLETE, BUG, USAGE, INCOMPLETE = 0, 1, 2, 3
_OF_THE_MACHINE = frozenset(
    {
        errno.EACCES, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EPERM,
        errno.EROFS,
    }
)  # fmt: skip
INTERRUPTED = 130  # 128 and the signal's number, as in shells


class Done(int):
    """The exit code of a command that did something. Output that is lost does not change it."""


def report_error(error: Exception) -> int:
    """Prints what went wrong; returns the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        return fail(USAGE, error.format_message(), show=error.show)
    if isinstance(error, InventoryError):
        return fail(USAGE, str(error))
    if isinstance(error, MemoryError):
        return fail(USAGE, "this machine has too little memory for it")
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        where = f": {error.filename}" if error.filename is not None else ""
        return fail(USAGE, f"the operating system refuses: {error.strerror}{where}")
    return fail(BUG, _bug_report(error))


def report_stop(stop: Stop) -> int:
    stop.before_last_words()
    is_terminated = stop.signal == signal.SIGTERM
    cause = "stopped by SIGTERM" if is_terminated else "interrupted"
    written = "no snapshot was written"
    if stop.commit_started:
        written = "the commit had started: `runs` shows whether it succeeded, and a retry of the task will find out"
    return fail(TERMINATED if is_terminated else INTERRUPTED, f"{cause}; {written}")


def report_lost_output(error: OSError | None, code: int) -> int:
    """Prints that the output could not be written; returns the exit code, which is an error if output was all."""
    why = f"cannot write the output: {error.strerror if error else None}"
    if isinstance(code, Done):
        fail(code, f"{why}; the exit code says what was done")
        return code
    return fail(code if code in (INTERRUPTED, TERMINATED) else USAGE, why)


def fail(code: int, why: str, *, show: Callable[[], None] | None = None) -> int:
    """Prints why the command fails: for a person as text, for Cloud Logging as one event of severity ERROR."""
    if "CLOUD_RUN_JOB" in os.environ:
        from job.log import log

        log.error("command failed", exit_code=code, detail=why)
    elif show is not None:
        show()
    else:
        click.echo(escaped_lines(f"gke-inventory: {why}"), err=True)
    return code


def _bug_report(error: Exception) -> str:
    """The lines of code that failed, without values: they may be secrets."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
    return f"a bug, {type(error).__name__}; please report it with these lines:\n{where}"
