"""One line on the terminal while a run lasts: how far it is, which cluster is slow, what is waited for."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import click

from job.commands.left_out import importing
from job.commands.table import shortened, terminal_width, width_of
from job.printable import escaped
from job.progress import LISTING, READING, EachCluster, Lasting, RunProgress, Seen
from job.signals import Stop
from job.terminal import takes_escapes
from job.waiting import say_nothing

_RATE_SECONDS = 5.0  # over which the rate is that of now
_LINE_SECONDS = 2.0  # between lines of a counter that has no place of its own
_SLOW_SECONDS = 1.0  # a cluster that has taken less is not named


def run_progress(*, is_quiet: bool) -> RunProgress:
    """The counters of a run, which also counts its clusters on a terminal that has no live line."""
    is_counted = not is_quiet and not takes_escapes(sys.stderr)
    return RunProgress(cluster_counter() if is_counted else None)


def cluster_counter() -> EachCluster | None:
    """Prints a counter of clusters if stderr is a terminal: in one place, or on a terminal without escapes as lines.

    There, a line of the log would stand behind the counter.
    """
    if not sys.stderr.isatty():
        return None
    is_in_place, next_line = takes_escapes(sys.stderr), monotonic() + _LINE_SECONDS

    def count(done: int, total: int) -> None:
        nonlocal next_line
        if is_in_place:
            click.echo(f"\r{done} of {total} clusters", nl=done == total, err=True)
        elif done == total or monotonic() >= next_line:
            next_line = monotonic() + _LINE_SECONDS
            click.echo(f"{done} of {total} clusters", err=True)

    return count


@contextmanager
def live_line(progress: RunProgress, stop: Stop, *, is_quiet: bool = False) -> Iterator[None]:
    """Inside the block, the last line of the terminal shows the progress; afterwards it is gone.

    What anybody writes to stderr meanwhile is printed above it. Does nothing without a terminal that takes escapes.
    """
    stream = sys.stderr
    if is_quiet or not takes_escapes(stream):
        yield
        return
    with importing("rich"):
        from job.commands.live_screen import shown_below

    rate = _Rate()

    def text(width: int) -> str:
        seen = progress.seen()
        return line_of(seen, monotonic() - progress.began, rate.now(seen), width)

    progress.is_shown = True
    say_nothing(True)
    try:
        with shown_below(stream, lambda: text((terminal_width(stream) or 80) - 1), stop):
            yield
    finally:
        say_nothing(False)


class _Rate:
    """Objects a second, over the last seconds."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def now(self, seen: Seen) -> float:
        now = monotonic()
        if seen.phase != READING:
            self._counts.clear()
        self._counts.append((now, seen.objects))
        while self._counts[0][0] < now - _RATE_SECONDS:
            self._counts.popleft()
        then, before = self._counts[0]
        return max(seen.objects - before, 0) / (now - then) if now > then else 0.0


def line_of(seen: Seen, seconds: float, rate: float, width: int) -> str:
    """The line, with as much of it as fits: the counts, the time and what is slow stay longest.

    >>> slow = Lasting("shop-prod/europe-west1/web", 9.4)
    >>> seen = Seen(phase="reading", clusters=5, clusters_done=3, objects=12345, slowest=slow)
    >>> print(line_of(seen, 72.0, 2100.4, 200))
    reading: 3 of 5 clusters; 12,345 objects, 2,100/s; 1:12; slowest: shop-prod/europe-west1/web, 9 s
    >>> print(line_of(seen, 72.0, 2100.4, 60))
    reading: 3 of 5 clusters; 1:12; slowest: web, 9 s
    """
    for parts in _variants(seen, seconds, rate):
        line = "; ".join(part for part in parts if part)
        if width_of(line) <= width:
            return line
    return shortened(line, width, "...")


def _variants(seen: Seen, seconds: float, rate: float) -> Iterator[tuple[str, ...]]:
    """From the longest to the shortest."""
    head, clock = _head(seen), f"{int(seconds) // 60}:{int(seconds) % 60:02}"
    objects = f"{seen.objects:,} objects" if seen.objects else ""
    speed = f"{objects}, {rate:,.0f}/s" if objects and seen.phase == READING else objects
    others = f" and {seen.also_awaited} more" if seen.also_awaited else ""
    waits = f"waiting for {_lasting(seen.awaited, others)}" if seen.awaited else ""
    slow = slow_alone = short = ""
    if seen.slowest is not None and seen.slowest.seconds >= _SLOW_SECONDS:
        slow_alone = f"slowest: {_lasting(seen.slowest)}"
        slow = "" if seen.awaited and seen.slowest.name in seen.awaited.name else slow_alone
        short = f"slowest: {_lasting(Lasting(seen.slowest.name.rpartition('/')[2], seen.slowest.seconds))}"
    yield head, speed, clock, slow, waits
    yield head, objects, clock, slow, waits
    yield head, clock, slow, waits
    yield head, clock, slow_alone or waits
    yield head, clock, short or waits
    yield head, short or waits or clock


def _head(seen: Seen) -> str:
    if seen.phase == READING and seen.clusters:
        return f"reading: {seen.clusters_done} of {seen.clusters} clusters"
    if seen.phase == LISTING and seen.projects:
        return f"listing projects: {seen.projects_done} of {seen.projects}"
    return seen.phase


def _lasting(found: Lasting, others: str = "") -> str:
    return f"{escaped(found.name)}{others}, {found.seconds:.0f} s"
