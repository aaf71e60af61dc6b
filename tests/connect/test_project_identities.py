"""Projects that one service account alone may read, and what its failure costs, over sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kubernetes.client import CoreV1Api
from made import sink_at

from job import kubernetes_client, load_config
from job.commands.doctor import diagnose
from job.commands.doctor.finding import Check
from job.config import Config
from job.config_checks import check_config
from job.connect.identity import configured_identity
from job.errors import ConfigError, InventoryError
from job.kinds import RESOURCES
from job.run.one_task import run
from job.run.summary import Summary
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_warehouse

OWNER, NOBODY = "reader@shop-staging.iam.gserviceaccount.com", "nobody@shop-staging.iam.gserviceaccount.com"
OWN = {"projects": ["shop-stag*"], "impersonate_service_account": OWNER}
LIST = """\
SELECT outcome, reason, message FROM coverage WHERE project_id = 'shop-staging' AND resource = 'clusters'"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulate(clusters=4, pods=2, plain=True, bigquery=False) as found:
        yield found


@pytest.fixture
def fleet(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    for name, value in simulator.environment.items():
        monkeypatch.setenv(name, value)
    simulator.set_owners(shop_staging=OWNER)
    yield simulator
    simulator.set_owners()
    simulator.clear()


def configured(fleet: Simulator, folder: Path, *entries: dict[str, Any], **keys: Any) -> Config:
    host = fleet.token_uri.removesuffix("/token")
    settings = {
        **fleet.configuration, "projects": ["shop-prod", "shop-staging"], "sink": sink_at(folder / "x.duckdb"),
        "api_endpoints": fleet.configuration["api_endpoints"] | {"iamcredentials": host},
        "identity": {"by_project": list(entries)}, "timeouts": {"connect_seconds": 5, "retry_seconds": 1}, **keys,
    }  # fmt: skip
    return msgspec.convert(settings, Config)


def statuses(config: Config) -> dict[str, str]:
    sql = "SELECT project_id, status FROM snapshots QUALIFY rank() OVER (ORDER BY snapshot_time DESC) = 1"
    return dict(open_warehouse(config).query(sql).rows)


def test_a_project_is_read_by_its_own_identity_alone(fleet: Simulator, tmp_path: Path) -> None:
    assert run(configured(fleet, tmp_path)).run.status == "incomplete"
    assert statuses(configured(fleet, tmp_path)) == {"shop-prod": "complete"}
    before = fleet.tokens()
    config = configured(fleet, tmp_path, OWN, {"projects": ["*"], "quota_project": "shop-prod"})
    summary: Summary = run(config)
    assert (summary.run.status, summary.gaps) == ("complete", ())
    assert statuses(config) == {"shop-prod": "complete", "shop-staging": "complete"}
    # one of its own for each identity, and one of the account
    assert fleet.tokens() - before == 4
    with kubernetes_client(*staging(fleet).split("/"), config=config) as client:
        assert CoreV1Api(client).read_namespace("kube-system").metadata.name == "kube-system"
    with pytest.raises(InventoryError, match="forbidden"):
        kubernetes_client(*staging(fleet).split("/"), config=configured(fleet, tmp_path))


def staging(fleet: Simulator) -> str:
    return next(name for name in fleet.clusters if name.startswith("shop-staging/"))


def test_an_identity_that_fails_costs_its_own_projects_alone(fleet: Simulator, tmp_path: Path) -> None:
    config = configured(fleet, tmp_path, OWN | {"impersonate_service_account": NOBODY})
    summary = run(config)
    assert [gap.name for gap in summary.gaps] == ["shop-staging"]
    assert statuses(config) == {"shop-prod": "complete"}
    ((outcome, reason, message),) = open_warehouse(config).query(LIST).rows
    assert (outcome, reason) == ("unauthorized", "Credentials")
    assert f"no access token for {NOBODY}: " in message
    assert "roles/iam.serviceAccountTokenCreator" in message


def test_the_ledger_says_whose_identity_was_refused(fleet: Simulator, tmp_path: Path) -> None:
    fleet.set_owners(shop_staging=NOBODY, shop_prod=OWNER)
    config = configured(fleet, tmp_path, OWN, {"projects": ["shop-prod"], "impersonate_service_account": OWNER})
    cluster = next(name for name in fleet.clusters if name.startswith("shop-prod/"))
    fleet.forbid(cluster, "pods")
    run(config)
    fleet.forbid(cluster)
    ((outcome, reason, message),) = open_warehouse(config).query(LIST).rows
    assert (outcome, reason) == ("forbidden", "IamPermissionMissing")
    assert message.startswith(f"as {OWNER}: ")
    sql = "SELECT outcome, message FROM coverage WHERE project_id = 'shop-prod' AND resource = 'pods'"
    ((outcome, message),) = [row for row in open_warehouse(config).query(sql).rows if row[0] != "ok"]
    assert (outcome, message.startswith(f"as {OWNER}: ")) == ("forbidden", True)


def test_a_glob_that_matches_no_project_is_a_warning_and_a_row(fleet: Simulator, tmp_path: Path) -> None:
    config = configured(fleet, tmp_path, OWN, {"projects": ["shop-prd"], "quota_project": "shop-prod"})
    summary = run(config)
    message = "identity.by_project: shop-prd matches none of the configured projects; the nearest are shop-prod"
    assert [(gap.name, gap.reason) for gap in summary.gaps] == [("shop-prd", "not_found")]
    assert summary.gaps[0].message.startswith(message)
    assert summary.run.status == "complete"
    sql = "SELECT resource, status, outcome FROM coverage WHERE project_id = 'shop-prd'"
    assert open_warehouse(config).query(sql).rows == [("*", "never_read", "not_found")]


def test_doctor_checks_each_identity_and_asks_for_its_own_permissions(fleet: Simulator, tmp_path: Path) -> None:
    refused = {"projects": ["shop-prod"], "impersonate_service_account": NOBODY}
    checks = [check for part in diagnose(configured(fleet, tmp_path, OWN, refused)) for check in part]
    account = named(checks, f"service account {OWNER}")[0]
    assert (account.status, account.message) == ("ok", "for the projects shop-stag*")
    (lost,) = named(checks, f"service account {NOBODY}")
    assert (lost.status, lost.costs[0].startswith("the projects shop-prod cannot be read")) == ("finding", True)
    listed, permitted = named(checks, "project shop-staging")
    assert (listed.status, permitted.status) == ("ok", "ok")
    assert permitted.message.startswith("it grants all ")
    assert {check.status for check in named(checks, f"cluster {staging(fleet)}")} == {"ok"}
    (unlisted,) = named(checks, "project shop-prod")
    assert (unlisted.status, NOBODY in unlisted.message) == ("finding", True)


def named(checks: list[Check], subject: str) -> list[Check]:
    return [check for check in checks if check.subject == subject]


def test_what_is_wrong_with_the_entries_is_said_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "identity:\n  by_project:\n    - {project: [a], impersonate: x@y}\n    - {projects: [b], quota: c}\n"
    )
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "c.yaml")
    for key in ("by_project[0].project`", "by_project[0].impersonate`", "by_project[1].quota`"):
        assert key in str(raised.value)
    (tmp_path / "c.yaml").write_text(
        "identity:\n  by_project:\n    - {projects: [], impersonate_service_account: x}\n    - {quota_project: 7}\n"
        "    - [a]\n"
    )
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path / "c.yaml")
    said = str(raised.value).splitlines()
    assert said[0] == "the configuration has 5 problems:"
    for line, key in (
        (3, "[0].projects: "), (3, "[0].impersonate_service_account: "), (4, "[1].quota_project: "), (4, "[1]: "),
        (5, "[2]: "),
    ):  # fmt: skip
        assert any(f"line {line}: identity.by_project{key}" in each for each in said), said
    entries = [
        {"projects": ["a/b"], "quota_project": "123"}, {"projects": ["a"]},
        {"projects": ["a"], "quota_project": "my-project", "delegates": ["a@b.c"]},
    ]  # fmt: skip
    config = msgspec.convert({"projects": ["shop-prod"], "identity": {"by_project": entries}}, Config)
    with pytest.raises(ConfigError) as raised:
        check_config(config, resources=RESOURCES)
    for words in ("[0].quota_project: '123'", "[0].projects: write ids", "[1]: it changes nothing", "[2].delegates: "):
        assert f"identity.by_project{words}" in str(raised.value)


@pytest.mark.usefixtures("fleet")
def test_the_first_entry_that_matches_counts(fleet: Simulator, tmp_path: Path) -> None:
    config = configured(fleet, tmp_path, OWN, {"projects": ["*"], "impersonate_service_account": NOBODY})
    identity = configured_identity(config)
    assert identity.of("shop-staging").credentials.service_account_email == OWNER
    assert identity.of("shop-prod").credentials.service_account_email == NOBODY
    assert identity.of("shop-staging") is identity.of("shop-stage")
    assert configured_identity(configured(fleet, tmp_path, OWN)).of("shop-prod").of("shop-prod") is not None
