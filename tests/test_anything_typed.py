"""Whatever a person types on the command line or into the configuration: no traceback, and never "a bug"."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import click
import duckdb
import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from job import cli
from job.commands.exits import report_error
from job.config import Config
from job.config_keys import Setting, settings_of
from job.config_words import place_and_reason
from job.signals import Stop

SINK = "duckdb:///ok.duckdb"
ODD = [
    "", " ", "-", "--", "~nobody/x", "/", "/dev/null", ".", "..", "\udcff", "a" * 5000, "a\nb", "\x1b[2J", "%s",
    "{}", "//", "duckdb:///", "duckdb:///:memory:", "duckdb://ok", "bigquery://", "bigquery://p.d", "bigquery://[p.d", "http://[",
    "http://x:port", "folder:///", "1", "0", "-1", "nan", "inf", "1e9", "90d", "0d", "²d", "99999999999d", "p/l/c", "[",
    "SELECT 1",
]  # fmt: skip
QUERIES = [
    "", ";", "-- x", "SELEC", "SELECT 1; SELECT 2", "FROM nothing", "DROP TABLE x", "EXPLAIN SELECT 1", "BEGIN",
    "SELECT ?", "SELECT NULL", "SELECT 1 AS a, 2 AS a", 'SELECT 1 AS ""', "SELECT error('x')", "SELECT 1/0",
    "SELECT 'nan'::DOUBLE",
    "SELECT [1, NULL], {'a': DATE '2020-01-01'}, map{1: 2}, map{[1]: 2}, map{NULL: 1}", "SELECT '\\xAA'::BLOB",
    "SELECT ['x'::BLOB], [uuid()], [TIME '10:00'], [1.5::DECIMAL(4, 2)]", "SELECT INTERVAL 1 DAY", "SELECT '1'::BIT",
    "SELECT 'infinity'::TIMESTAMPTZ", "SELECT 'infinity'::DATE", "SELECT '290000-01-01'::DATE", "SELECT chr(0)",
    "SELECT TIMESTAMPTZ '0001-01-01 00:00:00+14'", "SELECT 10::HUGEINT * 99999999999999999999",
    "COPY (SELECT 1) TO '/no/x'",
]  # fmt: skip
odd = st.one_of(
    st.sampled_from(ODD), st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=9)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working directory, with a database; without credentials."""
    path = tmp_path_factory.mktemp("anything")
    duckdb.connect(str(path / "ok.duckdb")).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.setenv("CLOUDSDK_CONFIG", str(path / "no-gcloud"))
        patch.setenv("NO_GCE_CHECK", "true")
        yield path


def typed(*words: str) -> str:
    """Runs the command in this process, with streams as Python opens them; returns what it says on stderr."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["gke-inventory", *words])
        code = int(cli._exit_code(Stop()))
        out.flush()
        err.flush()
    said = err.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert code in (0, 2, 3), ascii((words, said))
    assert "please report" not in said, ascii((words, said))
    return str(said)


few = settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def options(*names: str) -> st.SearchStrategy[list[str]]:
    pairs = st.lists(st.tuples(st.sampled_from(names), odd), max_size=3)
    return pairs.map(lambda chosen: [word for pair in chosen for word in pair])


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (["init"], options("--config", "--project", "--location", "--sink", "--output", "--force")),
        (["plan"], options("--config", "--project", "--cluster", "--minutes", "--json")),
        (["run", "-q"], options("--config", "--project", "--cluster", "--sink", "--tasks")),
        (["query", "--sink", SINK], st.lists(odd, max_size=2)),
        (["query"], options("--sink", "--config", "--format").map(lambda more: ["SELECT 1", *more])),
        (["prune"], options("--sink", "--config", "--older-than")),
        (["schema", "diff"], options("--sink", "--config")),
        (["show"], st.lists(odd, max_size=4)),
        (["demo", "--output", "/no/such/folder/x"], options("--clusters", "--pods", "--seed")),
        ([], st.lists(odd, max_size=3)),
    ],
    ids=lambda words: " ".join(words[:2]) if isinstance(words, list) else "",
)
@pytest.mark.usefixtures("folder")
def test_any_words(words: list[str], more: st.SearchStrategy[list[str]]) -> None:
    @few
    @given(more)
    def check(more: list[str]) -> None:
        typed(*words, *more)

    check()


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.usefixtures("folder")
def test_any_query(form: str) -> None:
    for sql in QUERIES:
        typed("query", sql, "--sink", SINK, "--format", form)


def paths(record: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Of every setting."""
    for field in msgspec.structs.fields(record):
        yield (*prefix, field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from paths(field.type, (*prefix, field.name))


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes(), st.binary(max_size=3), odd
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(odd | st.integers(), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@pytest.mark.usefixtures("folder")
@settings(few, max_examples=150)
@given(st.sampled_from(list(paths(Config))), values)
def test_any_value_of_any_setting(path: tuple[str, ...], value: Any) -> None:
    document: Any = value
    for name in reversed(path):
        document = {name: document}
    Path("any.yaml").write_text(yaml.safe_dump({"projects": ["shop-prod"], "sink": SINK} | document))
    said = typed("plan", "--config", "any.yaml")
    for word in ("`str`", "`int`", "`array`", "`object`", "regex", "enum"):
        assert word not in said or word in str(value), ascii(said)


@pytest.mark.usefixtures("folder")
@settings(few, max_examples=150)
@given(st.sampled_from(list(settings_of(Config))), odd | st.text("{}[]:,-&*?!|>'\"%@#<a1 \n\t", max_size=20))
def test_any_text_in_any_variable(setting: Setting, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GKE_INVENTORY_SINK", SINK)
        patch.setenv("GKE_INVENTORY_PROJECTS", "shop-prod")
        patch.setenv(setting.variable, text)
        said = typed("plan")
    assert not said or setting.variable in said or "no Application Default Credentials" in said, ascii(said)


@pytest.mark.usefixtures("folder")
@few
@given(st.text(max_size=60) | st.text("{}[]:,-&*?!|>'\"%@#<a1 \n\t", max_size=30))
def test_any_configuration_file(text: str) -> None:
    Path("any.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    typed("plan", "--config", "any.yaml")


@pytest.mark.parametrize(
    "fault",
    [
        "",
        "x",
        "a:b:c",
        "*:pods:nosuch",
        "*:pods:status:code=abc",
        "*:pods:delay:seconds=nan",
        "*:pods:status:times=1.5",
    ],
)
def test_a_malformed_fault_is_refused_before_the_fleet_starts(fault: str) -> None:
    assert "--fault: " in typed("simulate", "--fault", fault)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/x"), "refuses: No space left on device: /tmp/x"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "refuses: Too many open files"),
        (MemoryError(), "too little memory"),
        (click.UsageError("x"), "x"),
    ],
)
def test_what_the_machine_refuses_is_no_bug(capsys: pytest.CaptureFixture[str], error: Exception, words: str) -> None:
    assert report_error(error) == 2
    assert words in capsys.readouterr().err


def test_a_value_beyond_the_decoders_words_keeps_them() -> None:
    assert place_and_reason(msgspec.ValidationError("Number too large - at `$.workers`"), Config) == (
        "workers", "number too large",
    )  # fmt: skip
