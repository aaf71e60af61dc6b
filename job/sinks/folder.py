"""A folder as a sink: rows laid down for another process, which publishes those of several tasks together."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import NoReturn

import msgspec

from job.errors import SinkError
from job.sinks.protocol import Change, Commit, Result, TaskResult
from job.spool import Rows

WEIGHTS_FILE = "weights.json"


class FolderSink:
    """`folder:///PATH`: what `run --tasks` gives to its tasks; not a warehouse."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.bytes_billed = 0

    def prepare(self) -> None:
        if not self._path.is_dir():
            raise SinkError(f"sink folder://{self._path}: there is no such folder")

    def ddl(self) -> Sequence[str]:
        return []

    def changes(self) -> Sequence[Change]:
        return []

    def apply(self) -> Sequence[Change]:
        return []

    def begun(self, run_id: str, task_count: int, *, alone: bool) -> AbstractContextManager[str | None]:  # noqa: ARG002
        """The process that started the tasks sees to it."""
        return nullcontext()

    def committed(self, run_id: str, task_index: int) -> TaskResult | None:  # noqa: ARG002 (the whole run is asked for)
        return None

    def weights(self, run_id: str) -> dict[str, int]:  # noqa: ARG002 (the folder is of one run)
        """As the process that started the tasks has laid them down."""
        return msgspec.json.decode((self._path / WEIGHTS_FILE).read_bytes(), type=dict[str, int])

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """Lays the files down under the task's number; the file that tells of them comes last."""
        for table, file in rows.files.items():
            shutil.move(file, self._path / f"{commit.task_index}-{table}.ndjson.gz")
        told = self._path / f"{commit.task_index}.json"
        told.with_suffix(".part").write_bytes(msgspec.json.encode(_Told(rows.counts, rows.sizes)))
        told.with_suffix(".part").rename(told)
        return True

    def prune(self, before: datetime, *, dry_run: bool) -> NoReturn:  # noqa: ARG002
        raise SinkError("rows that are laid down for another process are not pruned")

    def named(self, table: str) -> str:
        return table

    def query(self, sql: str) -> Result:  # noqa: ARG002
        raise SinkError("rows that are laid down for another process cannot be queried")


def laid_down(path: Path, task_index: int) -> Rows:
    """What a task has laid down.

    Raises:
        OSError: it has not come to its end.
    """
    told = msgspec.json.decode((path / f"{task_index}.json").read_bytes(), type=_Told)
    return Rows({table: path / f"{task_index}-{table}.ndjson.gz" for table in told.sizes}, told.counts, told.sizes)


class _Told(msgspec.Struct):
    """What a task has laid down, as `Rows` has it."""

    counts: dict[str, int]
    sizes: dict[str, int]
