"""How `doctor` prints, and with which code it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from replay import Replay

from job.cli import cli
from job.commands import doctor
from job.commands.doctor import clusters
from job.commands.doctor.finding import Check, Mend, finding, passed, without_secrets
from job.commands.doctor.output import print_checks, print_end
from job.commands.exits import BUG, USAGE, report_error


def invoke(*arguments: str) -> tuple[int, str]:
    """The exit code and stdout of the command in this process."""
    done = CliRunner().invoke(cli, ["doctor", *arguments], standalone_mode=False)
    code = done.return_value if done.exception is None else report_error(done.exception)  # type: ignore[arg-type]
    return code, done.stdout


def a_finding(subject: str) -> Check:
    mends = [Mend("grant it", "gcloud one\ngcloud two"), Mend("or do without")]
    return finding("projects", subject, "list the clusters", "denied", costs=["no `pods`"], mends=mends)


def test_a_finding_says_what_was_done_what_it_costs_and_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [passed("credentials", "me", "get a token", "there it is"), a_finding("project a"), a_finding("project b")]
    print_checks(checks)
    print_end(checks)
    assert capsys.readouterr().out == (
        "credentials\n-----------\n\u221a me: get a token: there it is\n\n"
        "projects\n--------\n"
        "\u00d7 project a: list the clusters: denied\n    costs: no `pods`\n"
        "    mend it: grant it\n        gcloud one\n        gcloud two\n    or: or do without\n"
        "\u00d7 project b: list the clusters: denied\n    costs: no `pods`\n    mend it: as for project a\n\n"
        "\u00d7 2 findings in 3 checks\n"
    )


def test_many_checks_without_a_finding_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_checks([*(passed("clusters", f"c{number}", "read", "ok") for number in range(30)), a_finding("c30")][:30])
    assert capsys.readouterr().out == "clusters\n--------\n\u221a 30 checks found nothing to mend\n\n"


def test_what_a_server_says_moves_no_cursor_and_repeats_no_token() -> None:
    mend = Mend("x", "gcloud \x1b[2J 'my-token'\nnext")
    found = finding("clusters", "a\x1b[2J", "read", "no my-token\nthere", costs=["my-token"], mends=[mend])
    cleaned = without_secrets(found, ["my-token"])
    assert (cleaned.subject, cleaned.message, cleaned.costs) == ("a [2J", "no ... there", ("...",))
    assert cleaned.mends[0].command == "gcloud [2J '...'\nnext"


def test_the_command_prints_text_or_json_with_the_same_exit_code(configured: dict[str, Any], replay: Replay) -> None:
    assert invoke()[0] == invoke("--json")[0] == 0
    replay.token_error = (400, b'{"error": "invalid_grant"}')
    code, text = invoke()
    assert (code, text.splitlines()[0]) == (3, "credentials")
    code, text = invoke("--json")
    assert (code, json.loads(text)["ok"]) == (3, False)


@pytest.mark.parametrize("keys", [{"projects": []}, {"sink": "nowhere://x"}, {"kinds": {"podz": True}}, {"nothing": 1}])
def test_a_configuration_that_cannot_be_used_is_json_too(
    configured: dict[str, Any], tmp_path: Path, keys: dict[str, Any]
) -> None:
    (tmp_path / "c.yaml").write_text(json.dumps(configured | keys))
    code, text = invoke("--json")
    document = json.loads(text)
    assert (code, document["ok"], document["checks"]) == (USAGE, False, [])
    assert next(iter(keys)) in document["error"]


@pytest.mark.usefixtures("configured")
def test_a_bug_ends_the_checks_with_json_and_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CANARY")

    monkeypatch.setattr(doctor, "check_projects", fail)
    code, text = invoke("--json")
    document = json.loads(text)
    assert (code, document["error"]) == (BUG, "a bug in gke-inventory: RuntimeError")
    assert [check["category"] for check in document["checks"]] == ["credentials", "credentials"]
    assert "CANARY" not in text


def test_a_bug_in_one_cluster_is_a_finding(
    configured: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CANARY")

    monkeypatch.setattr(clusters, "choose_endpoints", fail)
    code, text = invoke("--json")
    (found,) = [check for check in json.loads(text)["checks"] if check["category"] == "clusters"]
    assert (code, found["status"]) == (3, "finding")
    assert found["message"] == "RuntimeError: a bug in gke-inventory; please report it"
    assert "CANARY" not in text + capfd.readouterr().err


def test_the_roles_are_printed_without_a_project_or_credentials() -> None:
    deploy = Path(__file__).parents[3] / "config/deploy"
    assert invoke("--print-role") == (0, (deploy / "role.yaml").read_text())
    assert invoke("--print-clusterrole") == (0, (deploy / "clusterrole.yaml").read_text())
