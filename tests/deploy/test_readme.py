"""bash runs the commands of `config/deploy/README.md` word for word, against an imitation of Google Cloud."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import Template
from urllib.request import Request, urlopen

import msgspec
import pytest
import yaml
from deploy import gcloud
from deploy.cloud import Cloud, Command, imitation
from deploy.test_terraform import RESOURCES as TERRAFORM
from deploy.test_terraform import blocks

from job.config import Config, load_config
from job.config_checks import check_config
from job.connect.identity import default_identity
from job.kinds import RESOURCES
from job.run.one_task import run
from job.simulator import Simulator, simulate
from job.sinks.open_sink import open_sink
from job.tables import TABLES, raw

ROOT = Path(__file__).parents[2]
README = (ROOT / "config/deploy/README.md").read_text()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The cloud after the whole page was pasted into bash: from nothing back to nothing."""
    if shutil.which("envsubst") is None:
        pytest.skip("envsubst is not installed")
    with imitation(tmp_path_factory.mktemp("cloud")) as made:
        made.bash("".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)))
        yield made


@pytest.fixture
def commands(cloud: Cloud) -> list[Command]:
    """Every command of the page that worked, in order."""
    return cloud.worked


def only(commands: list[Command], verb: str) -> Command:
    (found,) = (command for command in commands if command.verb == verb)
    return found


JOB = "serviceAccount:gke-inventory@my-ops-project.iam.gserviceaccount.com"
SCHEDULER = "serviceAccount:gke-inventory-scheduler@my-ops-project.iam.gserviceaccount.com"
SETTINGS = {
    "GKE_INVENTORY_PROJECTS": "shop-prod,shop-test",
    "GKE_INVENTORY_SINK": "bigquery://my-ops-project.gke_inventory?location=EU",
}
"""The variables of the job."""
BUILD = "serviceAccount:gke-inventory-build@my-ops-project.iam.gserviceaccount.com"


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
def test_gcloud_accepts_every_command(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # the files that commands name
    ours = list({tuple(command.words): command for command in cloud.commands if command.program == "gcloud"}.values())
    assert len(ours) > 40
    refused = gcloud.refusals([(command.words, command.stdin) for command in ours])
    for command, why in zip(ours, refused, strict=True):
        assert why is None, f"gcloud {' '.join(command.words)}\n{why}"


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
def test_gcloud_rejects_an_unknown_flag() -> None:
    words = ["run", "jobs", "execute", "gke-inventory", "--region=europe-west1", "--bogus"]
    (why,) = gcloud.refusals([(words, "")])
    assert why is not None
    assert "--bogus" in why


def test_every_command_names_its_project(commands: list[Command]) -> None:
    for command in commands:
        if command.program not in ("gcloud", "bq") or command.words[0] in ("auth", "version"):
            continue
        projects = {"my-ops-project", "shop-prod", "shop-test"}
        flag = "project" if command.program == "gcloud" else "project_id"
        named = {word.partition("=")[2] for word in command.words if word.startswith(f"--{flag}=")}
        on = set(command.words) & projects  # `gcloud projects add-iam-policy-binding PROJECT`
        assert len(named | on) == 1, command
        assert named | on <= projects


def test_the_accounts_get_these_rights_and_no_others(commands: list[Command]) -> None:
    given = {
        (command.verb.partition(" add-iam-policy-binding ")[2], command.flag("member"), command.flag("role"))
        for command in commands
        if "add-iam-policy-binding" in command.words
    }
    assert given == {
        ("my-ops-project", JOB, "roles/bigquery.jobUser"),
        ("shop-prod", JOB, "projects/shop-prod/roles/gke_inventory"),
        ("shop-test", JOB, "projects/shop-test/roles/gke_inventory"),
        ("gke-inventory", SCHEDULER, "roles/run.invoker"),
        ("gke-inventory", BUILD, "roles/artifactregistry.writer"),
        ("my-ops-project", BUILD, "roles/logging.logWriter"),
        ("gs://my-ops-project-gke-inventory-build", BUILD, "roles/storage.objectViewer"),
    }
    granted = [command.words[-1] for command in commands if command.program == "bq" and "GRANT" in command.words[-1]]
    assert granted == [f"GRANT `roles/bigquery.dataEditor` ON SCHEMA `my-ops-project.gke_inventory` TO '{JOB}'"]


def test_the_job_is_the_manifest_with_the_image_that_was_built(commands: list[Command]) -> None:
    build = only(commands, f"builds submit {ROOT}/config/deploy/../..")
    built = dict(pair.split("=") for pair in build.flag("substitutions").split(","))
    job = yaml.safe_load(only(commands, "run jobs replace").stdin)
    text = Template((ROOT / "config/deploy/job.yaml").read_text())
    names = {"NAME": "gke-inventory", "IMAGE": built["_IMAGE"], "JOB_ACCOUNT": JOB.partition(":")[2]}
    assert job == yaml.safe_load(text.substitute(names | SETTINGS))
    repository = only(commands, "artifacts repositories create gke-inventory")
    region = repository.flag("location")
    assert built["_IMAGE"] == f"{region}-docker.pkg.dev/my-ops-project/gke-inventory/gke-inventory:{built['_BUILD']}"
    assert re.fullmatch(r"[0-9a-f]{7,}", built["_BUILD"])


def test_the_job_accepts_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    config = load_config()
    check_config(config, resources=RESOURCES)
    open_sink(config, default_identity)
    assert config == Config(
        projects=("shop-prod", "shop-test"), sink="bigquery://my-ops-project.gke_inventory?location=EU"
    )


def test_the_scheduler_posts_to_the_jobs_run_as_the_permitted_account(commands: list[Command]) -> None:
    job = only(commands, "scheduler jobs create http gke-inventory")
    run = "https://run.googleapis.com/v2/projects/my-ops-project/locations/europe-west1/jobs/gke-inventory:run"
    assert (job.flag("uri"), job.flag("http-method")) == (run, "POST")
    assert f"serviceAccount:{job.flag('oauth-service-account-email')}" == SCHEDULER
    assert re.fullmatch(r"\d+ \S+ \* \* \*", job.flag("schedule"))
    assert not any(word.startswith("--message-body") for word in job.words)


def test_terraform_gets_the_variables_that_have_no_default(commands: list[Command]) -> None:
    ours = [command for command in commands if command.program == "terraform"]
    assert [command.words[1] for command in ours] == ["init", "apply", "apply"]
    assert {command.words[0] for command in ours} == {"-chdir=config/deploy/terraform"}
    given = {name.removeprefix("TF_VAR_"): value for name, value in ours[0].variables.items()}
    assert set(given) - {"name"} == {name for name, body in blocks("variable").items() if "default" not in body}
    images = {only(commands, f"builds submit {ROOT}/config/deploy/../..").flag("substitutions").split(",")[0]}
    assert {f"_IMAGE={given['image']}"} == images
    assert json.loads(given["cluster_projects"]) == ["shop-prod", "shop-test"]
    assert given["project"] == "my-ops-project"
    targets = [word.partition("=")[2] for command in ours for word in command.words if word.startswith("-target=")]
    assert targets
    assert set(targets) <= set(TERRAFORM)


def test_every_cluster_of_every_project_gets_the_role(commands: list[Command]) -> None:
    applied = [command.stdin for command in commands if command.words[:1] == ["apply"]]
    text = Template((ROOT / "config/deploy/clusterrole.yaml").read_text())
    assert applied == [text.substitute(JOB_ACCOUNT=JOB.partition(":")[2])] * 4


def test_everything_that_is_created_is_deleted(cloud: Cloud) -> None:
    assert len(cloud.created) > 25
    assert {name for name in cloud.things if not name.startswith("api ")} == set()


@pytest.fixture(scope="module")
def fleet() -> Iterator[Simulator]:
    with simulate(clusters=2, pods=5, plain=True) as found:
        yield found


def bq(fleet: Simulator, words: list[str]) -> str:
    done = subprocess.run(
        ["bq", "--headless", f"--api={fleet.bigquery_endpoint}", "--oauth_access_token=fake", *words],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def access(fleet: Simulator) -> list[dict[str, str]]:
    url = f"{fleet.bigquery_endpoint}/bigquery/v2/projects/my-ops-project/datasets/gke_inventory"
    with urlopen(Request(url, headers={"Authorization": "Bearer fake"}), timeout=60) as response:
        return list(json.load(response)["access"])


@pytest.mark.skipif(shutil.which("bq") is None, reason="bq is not installed")
@pytest.mark.exhaustive
def test_bqs_commands_work_around_a_real_run_from_nothing_back_to_nothing(
    commands: list[Command], fleet: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    words_of_bq = [
        command.words for command in commands if command.program == "bq" and "--transfer_config" not in command.words
    ]
    make, grant, coverage, revoke, remove = words_of_bq

    bq(fleet, make)
    bq(fleet, grant)
    for name, value in fleet.environment.items():
        monkeypatch.setenv(name, value)
    config = msgspec.convert(
        {**fleet.configuration, "sink": "bigquery://my-ops-project.gke_inventory?location=EU"}, Config
    )
    sink = open_sink(config, lambda: default_identity(config.api_endpoints.oauth2))
    changes = sink.changes()
    assert [change for change in changes if "dataset" in change.action] == []
    assert sorted(change.name for change in changes if change.action == "create table") == sorted(map(raw, TABLES))
    path = next(iter(fleet.clusters))
    fleet.forbid(path, "jobs")
    run(config)
    answer = bq(fleet, coverage)
    assert path.rpartition("/")[2] in answer
    assert "never_read" in answer
    editor = {"role": "WRITER", "userByEmail": JOB.partition(":")[2]}
    assert editor in access(fleet)
    bq(fleet, revoke)
    assert editor not in access(fleet)
    bq(fleet, remove)
    assert "gke_inventory" not in bq(fleet, ["--project_id=my-ops-project", "ls"])


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / "config/deploy" / target).exists(), target
    anchors = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("#")
    }
    for anchor in re.findall(r"\]\(#([^)]+)\)", README):
        assert anchor in anchors
