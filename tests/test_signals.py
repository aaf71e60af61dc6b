"""SIGTERM and Ctrl-C: the grace period, and a commit that they do not interrupt."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from job.errors import Interrupted
from job.signals import Stop

_START = """
import os, signal, time
from job.signals import Stop

stop = Stop()

def send():
    os.kill(os.getpid(), signal.NUMBER)
    time.sleep(0.05)

"""
_COMMIT = """
with stop.shield():
    send()
    print("committed", flush=True)
send()
print("after", flush=True)
"""
_FAIL = """
try:
    with stop.shield():
        send()
        raise ValueError
except ValueError:
    pass
try:
    send()
except BaseException as error:
    print(type(error).__name__, flush=True)
    send()
    print("still here", flush=True)
"""


def output_of(number: str, program: str) -> tuple[str, int]:
    """What the program prints, and its exit code."""
    command = [sys.executable, "-c", (_START + program).replace("NUMBER", number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout, done.returncode


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_does_not_interrupt_a_commit_nor_what_follows(number: str) -> None:
    assert output_of(number, "stop.handle_signals()" + _COMMIT) == ("committed\nafter\n", 0)


@pytest.mark.parametrize(("number", "raised"), [("SIGTERM", "Interrupted"), ("SIGINT", "KeyboardInterrupt")])
def test_after_a_failed_commit_a_signal_raises_and_the_next_one_kills(number: str, raised: str) -> None:
    assert output_of(number, "stop.handle_signals()" + _FAIL) == (f"{raised}\n", -getattr(signal, number))


def test_a_hosts_own_handlers_are_restored_after_a_commit() -> None:
    before = "signal.signal(signal.SIGTERM, lambda *_: print('heard', flush=True))"
    assert output_of("SIGTERM", before + _COMMIT) == ("committed\nheard\nafter\n", 0)


def test_a_thread_commits_without_touching_signals() -> None:
    program = (
        "import threading, signal\n"
        "from job.signals import Stop\n"
        "def commit():\n"
        "    with Stop().shield(): print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
        "thread = threading.Thread(target=commit); thread.start(); thread.join()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "True\n"


_GRACE = """
stop.handle_signals()
with stop.graceful_shutdown():
    send()
    print(stop.is_set(), stop.signal == signal.SIGTERM, flush=True)
stop.pause(0.05)
try:
    stop.pause(60)
except BaseException as error:
    print(type(error).__name__, flush=True)
"""


def test_sigterm_lets_a_run_finish_within_the_grace_period() -> None:
    assert output_of("SIGTERM", _GRACE) == ("True True\nInterrupted\n", 0)


def test_the_process_ends_with_the_grace_period() -> None:
    program = "import job.signals; job.signals._GRACE_SECONDS = 0.3\n" + _GRACE + "time.sleep(20)"
    assert output_of("SIGTERM", program) == ("True True\nInterrupted\n", 143)


def test_a_second_sigterm_kills_within_the_grace_period() -> None:
    assert output_of("SIGTERM", _GRACE + "send()") == ("True True\nInterrupted\n", -signal.SIGTERM)


def test_after_a_graceful_block_without_a_signal_the_next_one_raises_again() -> None:
    program = """
stop.handle_signals()
with stop.graceful_shutdown():
    pass
try:
    send()
except BaseException as error:
    print(type(error).__name__, stop.is_set(), flush=True)
"""
    assert output_of("SIGTERM", program) == ("Interrupted False\n", 0)


def test_a_stop_without_handlers_leaves_those_of_the_process_alone() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    stop = Stop()
    with stop.graceful_shutdown():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert not stop.is_set()


def test_a_stop_ends_a_pause_of_another_thread() -> None:
    stop = Stop()
    stop.pause(0.01)
    threading.Timer(0.1, stop.set).start()
    clock = time.monotonic()
    with pytest.raises(Interrupted):
        stop.pause(30)
    assert time.monotonic() - clock < 15
