"""A folder as a sink: a task's rows, for the process that commits them."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from warehouse import Read, publish, run_of

from job.errors import SinkError
from job.sinks.task_folder import FolderSink, rows_of, write_object_kinds, write_upgrade_info, write_weights


def test_the_rows_of_each_task_can_be_read_once_it_has_published_them(tmp_path: Path) -> None:
    sink = FolderSink(tmp_path)
    sink.prepare()
    for task, pods in enumerate((["p1", "p2"], ["q1"])):
        with pytest.raises(OSError, match=f"{task}.json"):
            rows_of(tmp_path, task)
        assert publish(sink, run_of(task, Read("a", ["x"], pods)), task=task)
    for task, count in ((0, 2), (1, 1)):
        found = rows_of(tmp_path, task)
        assert found.counts["pods"] == count
        assert len(gzip.decompress(found.files["pods"].read_bytes())) == found.sizes["pods"]
    assert sink.committed_result("run", 0) is None


def test_weights_are_those_that_were_written(tmp_path: Path) -> None:
    write_weights(tmp_path, {"p/l/c": 3})
    assert FolderSink(tmp_path).cluster_weights("run") == {"p/l/c": 3}


def test_clusters_whose_upgrade_info_is_read_are_those_that_were_written(tmp_path: Path) -> None:
    write_upgrade_info(tmp_path, frozenset({"1"}))
    assert FolderSink(tmp_path).upgrade_info_since("run", datetime.now(UTC)) == frozenset({"1"})


def test_kinds_of_objects_are_those_that_were_written(tmp_path: Path) -> None:
    write_object_kinds(tmp_path, {"p/l/c": frozenset({"rollouts.argoproj.io"})})
    assert FolderSink(tmp_path).object_kinds("run", ()) == {"p/l/c": frozenset({"rollouts.argoproj.io"})}


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="there is no such folder"):
        FolderSink(tmp_path / "absent").prepare()
