"""The spool: whole lists or nothing, one gzip member a table."""

import gzip
import json
import random
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from job.errors import SpoolError
from job.spool import Spool, concatenate, open_spool
from job.tables import Key, Namespace, Node

TIME = datetime(2026, 1, 1, tzinfo=UTC)


def key(cluster: str) -> Key:
    return Key(snapshot_id=f"s-{cluster}", snapshot_time=TIME, project_id="p", location="l", cluster=cluster)


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_rows_carry_their_key_first_and_leave_out_what_is_absent(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    segment = spool.segment(key("c"))
    segment.add([Namespace(name="n", uid="u")])
    spool.keep(segment)
    text = gzip.decompress(spool.save().files["namespaces"].read_bytes())
    assert text == (
        b'{"snapshot_id":"s-c","snapshot_time":"2026-01-01T00:00:00Z","project_id":"p","location":"l","cluster":"c",'
        b'"name":"n","uid":"u"}\n'
    )


def test_a_dropped_segment_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    segment = spool.segment(key("c"))
    segment.add(Namespace(name=f"n{i}", uid="u" * 500) for i in range(10_000))  # enough to have been compressed
    segment.drop()
    assert spool.save().files == {}
    assert spool.rows["namespaces"] == 0
    assert list(tmp_path.iterdir()) == []


def test_large_and_small_segments_of_many_threads_become_one_gzip_member(tmp_path: Path) -> None:
    spool, draw = Spool(tmp_path), random.Random(7)
    sizes = [draw.choice([0, 1, 50, 20_000]) for _ in range(24)]

    def work(index: int) -> None:
        segment = spool.segment(key(f"c{index}"))
        noise = random.Random(index)
        segment.add(Namespace(name=f"n{i}", uid=f"{noise.getrandbits(128):032x}") for i in range(sizes[index]))
        spool.keep(segment)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(len(sizes))))
    saved = spool.save()
    path = saved.files["namespaces"]
    found = [(row["cluster"], row["name"]) for row in rows(path)]
    assert sorted(found) == sorted((f"c{index}", f"n{i}") for index, size in enumerate(sizes) for i in range(size))
    assert spool.rows["namespaces"] == sum(sizes)
    assert saved.sizes["namespaces"] == bytes_of_one_member(path)


def test_the_files_of_several_spools_become_one_gzip_member_a_table(tmp_path: Path) -> None:
    parts = []
    for index, count in enumerate((0, 3, 20_000, 0, 1)):
        (tmp_path / str(index)).mkdir()
        spool = Spool(tmp_path / str(index))
        segment = spool.segment(key(f"c{index}"))
        segment.add(Namespace(name=f"n{i}", uid="u") for i in range(count))
        segment.add(
            [Node(name=f"node of {index}", uid="u", spot=False, unschedulable=False)] if index in (2, 4) else []
        )
        spool.keep(segment)
        parts.append(spool.save())
    whole = concatenate(parts)
    assert {table: count for table, count in whole.counts.items() if count} == {"namespaces": 20_004, "nodes": 2}
    assert set(whole.files) == set(whole.sizes) == {"namespaces", "nodes"}
    for table, path in whole.files.items():
        assert whole.sizes[table] == bytes_of_one_member(path)
        assert len(rows(path)) == whole.counts[table]
    assert [row["name"] for row in rows(whole.files["nodes"])] == ["node of 2", "node of 4"]
    assert {row["cluster"] for row in rows(whole.files["namespaces"])} == {"c1", "c2", "c4"}


def bytes_of_one_member(path: Path) -> int:
    """What is in the file, which is one whole gzip member, also by gzip's own word."""
    decompressor = zlib.decompressobj(16 + zlib.MAX_WBITS)
    size = len(decompressor.decompress(path.read_bytes()))
    assert decompressor.eof
    assert decompressor.unused_data == b""
    assert subprocess.run(["gzip", "-t", str(path)], check=False).returncode == 0
    return size


def test_the_directory_is_gone_afterwards() -> None:
    with open_spool() as spool:
        segment = spool.segment(key("c"))
        segment.add([Namespace(name="n", uid="u")])
        spool.keep(segment)
        path = spool.save().files["namespaces"]
        assert path.exists()
    assert not path.parent.exists()


@pytest.mark.parametrize("variable", ["TMPDIR", "TEMP"])
@pytest.mark.parametrize("folder", ["absent", "a-file"])
def test_a_folder_for_temporary_files_that_cannot_be_written_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, folder: str
) -> None:
    (tmp_path / "a-file").touch()
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / folder))
    with pytest.raises(SpoolError, match=rf"^{variable} is .*{folder}, where temporary files cannot be written: ."):
        open_spool().__enter__()


def test_rows_are_in_the_folder_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with open_spool():
        assert [path.name.startswith("gke-inventory-") for path in tmp_path.iterdir()] == [True]
    assert list(tmp_path.iterdir()) == []
