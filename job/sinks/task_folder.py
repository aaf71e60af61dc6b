"""A folder as a sink: rows for the process that started this one, which publishes those of all its tasks together."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path

import msgspec

from job.errors import SinkError
from job.sinks.protocol import Commit, CommittedList, TaskResult
from job.spool import Rows


class FolderSink:
    """`folder:///PATH`: what `run --tasks` gives to its tasks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.bytes_billed = 0
        self.seconds_ahead = _read_clock(path)

    def prepare(self) -> None:
        if not self._path.is_dir():
            raise SinkError(f"sink folder://{self._path}: there is no such folder")

    def running(self, run_id: str, task_count: int, *, exclusive: bool) -> AbstractContextManager[str | None]:  # noqa: ARG002
        """The process that started the tasks has marked the run."""
        return nullcontext()

    def committed_result(self, run_id: str, task_index: int) -> TaskResult | None:  # noqa: ARG002
        """None: that process commits the tasks, and retries none."""
        return None

    def committed_lists(self, run_id: str, task_index: int) -> Sequence[CommittedList]:  # noqa: ARG002
        return ()

    def cluster_weights(self, run_id: str, *, is_shared: bool = True) -> dict[str, int]:  # noqa: ARG002 (it is of one run)
        return msgspec.json.decode(_weights(self._path).read_bytes(), type=dict[str, int])

    def upgrade_info_since(self, run_id: str, time: datetime) -> frozenset[str]:  # noqa: ARG002 (as that process asked)
        return msgspec.json.decode(_upgrade_info(self._path).read_bytes(), type=frozenset[str])

    def object_kinds(self, run_id: str, others: Sequence[str]) -> dict[str, frozenset[str]]:  # noqa: ARG002
        return msgspec.json.decode(_object_kinds(self._path).read_bytes(), type=dict[str, frozenset[str]])

    def publish(self, rows: Rows, commit: Commit) -> bool:
        """Moves the files here, named by the task's index; the file that lists them comes last."""
        for table, file in rows.files.items():
            shutil.move(file, self._path / f"{commit.task_index}-{table}.ndjson.gz")
        listing = self._path / f"{commit.task_index}.json"
        listing.with_suffix(".part").write_bytes(msgspec.json.encode(_Listing(rows.counts, rows.sizes)))
        listing.with_suffix(".part").rename(listing)
        return True

    def settle(self, run_id: str) -> None:
        """Nothing: the process that started the tasks commits them."""


def write_clock(folder: Path, seconds_ahead: float) -> None:
    """Stores what the sinks of all tasks have as `seconds_ahead`."""
    _clock(folder).write_text(str(seconds_ahead))


def write_weights(folder: Path, weights: dict[str, int]) -> None:
    """Stores what the sinks of all tasks return as `cluster_weights`."""
    _weights(folder).write_bytes(msgspec.json.encode(weights))


def write_upgrade_info(folder: Path, clusters: frozenset[str]) -> None:
    """Stores what the sinks of all tasks return as `upgrade_info_since`."""
    _upgrade_info(folder).write_bytes(msgspec.json.encode(clusters))


def write_object_kinds(folder: Path, known: dict[str, frozenset[str]]) -> None:
    """Stores what the sinks of all tasks return as `object_kinds`."""
    _object_kinds(folder).write_bytes(msgspec.json.encode(known))


def rows_of(folder: Path, task_index: int) -> Rows:
    """The rows that a task has published in the folder.

    Raises:
        OSError: it has published none.
    """
    found = msgspec.json.decode((folder / f"{task_index}.json").read_bytes(), type=_Listing)
    files = {table: folder / f"{task_index}-{table}.ndjson.gz" for table in found.sizes}
    return Rows(files, found.counts, found.sizes)


class _Listing(msgspec.Struct):
    """`Rows`, without the paths."""

    counts: dict[str, int]
    sizes: dict[str, int]


def _read_clock(folder: Path) -> float:
    return float(_clock(folder).read_text()) if _clock(folder).exists() else 0.0


def _clock(folder: Path) -> Path:
    return folder / "seconds_ahead"


def _weights(folder: Path) -> Path:
    return folder / "weights.json"


def _upgrade_info(folder: Path) -> Path:
    return folder / "upgrade_info.json"


def _object_kinds(folder: Path) -> Path:
    return folder / "object_kinds.json"
