"""SIGTERM and Ctrl-C around a commit."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

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
print("told", flush=True)
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


def told(number: str, program: str) -> tuple[str, int]:
    """What the program prints, and its exit code."""
    command = [sys.executable, "-c", (_START + program).replace("NUMBER", number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout, done.returncode


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_commit_is_not_torn_and_what_follows_it_is_told(number: str) -> None:
    assert told(number, "stop.handle_signals()" + _COMMIT) == ("committed\ntold\n", 0)


@pytest.mark.parametrize(("number", "raised"), [("SIGTERM", "Interrupted"), ("SIGINT", "KeyboardInterrupt")])
def test_after_a_commit_that_fails_a_signal_is_heard_and_the_next_one_kills(number: str, raised: str) -> None:
    assert told(number, "stop.handle_signals()" + _FAIL) == (f"{raised}\n", -getattr(signal, number))


def test_a_hosts_own_handlers_are_back_after_a_commit() -> None:
    before = "signal.signal(signal.SIGTERM, lambda *told: print('heard', flush=True))"
    assert told("SIGTERM", before + _COMMIT) == ("committed\nheard\ntold\n", 0)


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
