"""`tables` and `describe` say what there is to query, without any sink."""

from __future__ import annotations

import json

import pytest

from job.cli import _exit_code, cli
from job.errors import NotFoundError
from job.signals import Stop
from job.tables import LEDGER, TABLES, raw
from job.views import views


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    cli.main([*words], prog_name="gke-inventory", standalone_mode=False)
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _no_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GKE_INVENTORY_CONFIG", "/no/such/file")


def test_each_table_and_question_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "tables").splitlines()
    names = [line.split()[0] for line in lines[2 : lines.index("")]]
    assert names[0] == "coverage"
    assert names[-len(TABLES) :] == list(TABLES)
    assert {"changes", "events", "images", "drift"} < set(names)
    assert not {*LEDGER} - set(names)
    assert not {"readings", "latest_runs", "recent_readings"} & set(names)
    assert "What is missing or stale, since when, and why?" in lines[2]
    found = json.loads(printed(capsys, "tables", "--json"))
    assert [entry["name"] for entry in found] == names


def test_a_description_has_every_column_with_type_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    for view in views():
        found = json.loads(printed(capsys, "describe", view.name, "--json"))
        assert view.example == found["example"]
        assert [(column["name"], column["description"]) for column in found["columns"]] == [
            (column.name, column.description) for column in view.columns
        ]
    text = printed(capsys, "describe", "pods")
    assert text.startswith("pods\n\nA Pod: phase, node,")
    assert "  labels  ARRAY<STRUCT<key STRING, value STRING>>\n      " in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_function_is_described_with_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "describe", "pods_as_of")
    assert text.startswith("pods_as_of(moment)\n\nThe same as the view pods")
    assert "  SELECT * FROM pods_as_of(TIMESTAMP '" in text
    assert printed(capsys, "describe", "changes_between").startswith("changes_between(from_moment, to_moment)\n")


def test_an_unknown_name_is_one_sentence() -> None:
    for name, words in (("podz", "did you mean `pods`"), ("zzz", "gke-inventory tables"), (raw("pods"), "query pods")):
        with pytest.raises(NotFoundError, match=words):
            cli.main(["describe", name], standalone_mode=False)


def test_the_version_is_a_command_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "version") == printed(capsys, "--version")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("gke-inventory desc", ["describe"]),
        ("gke-inventory describe pod_c", ["pod_containers", "pod_containers_history"]),
        ("gke-inventory query drif", ["drift"]),
    ],
)
def test_a_shell_completes_commands_and_views(
    words: str, names: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_GKE_INVENTORY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    assert _exit_code(Stop()) == 0
    printed = capsys.readouterr()
    assert (sorted(printed.out.split()), printed.err) == ([f"plain,{name}" for name in names], "")
