"""Files that commands write: each is whole, or what was there before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from job.errors import InventoryError
from job.regular_file import check_regular


@contextmanager
def new_file(name: str) -> Iterator[Path]:
    """An empty file beside the named one, which takes its place, and its mode, when the block ends without an error.

    Raises:
        InventoryError: it cannot be written.
    """
    try:
        target = Path(os.path.realpath(name))
        with suppress(FileNotFoundError):
            check_regular(target)
        path = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise _unwritable(name, error) from error
    try:
        yield path
        with path.open("rb") as written:
            os.fsync(written.fileno())
        if target.exists():
            path.chmod(target.stat().st_mode & 0o777)
        path.replace(target)
    except OSError as error:
        raise _unwritable(name, error) from error
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _unwritable(name: str, error: OSError | ValueError) -> InventoryError:
    reason = error.strerror if isinstance(error, OSError) else "it is no name of a file"
    return InventoryError(f"cannot write the output file {name}: {reason}; it is as it was")
