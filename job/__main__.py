"""Starts the command line. From here on, Ctrl-C ends the process without a traceback, also while the rest is imported.

Little is imported here: until the handler is there, Ctrl-C ends in a traceback of Python's own.
"""

from __future__ import annotations

# `signal` itself, without its enums, which take longer to import than all of this
import _signal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """The command `gke-inventory`."""
    _signal.signal(_signal.SIGINT, _end)
    try:
        from job.cli import main

        main()
    except KeyboardInterrupt:  # between two steps that handle it themselves
        _end()


def _end(*_: object) -> NoReturn:
    import os

    os.write(2, b"gke-inventory: interrupted\n")
    os._exit(130)  # 128 and the signal's number, as in shells


if __name__ == "__main__":
    main()
