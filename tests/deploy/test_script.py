"""`config/deploy/deploy.sh`, against an imitation of Google Cloud that answers late, loses answers and refuses."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import NamedTuple

import pytest
from deploy import gcloud
from deploy.cloud import ROOT, TOKEN, Cloud, Command, imitation

SCRIPT = ROOT / "config/deploy/deploy.sh"
STEPS = ("check", "apis", "image", "dataset", "account", "job", "first-run", "schedule", "metrics", "alerts")
NAMES = {
    "PROJECT": "my-ops-project", "REGION": "europe-west1", "LOCATION": "EU", "BUILD": "1234567",
    "CLUSTER_PROJECTS": "my-ops-project,shop-prod",
}  # fmt: skip
ROLES = {"iam roles gke_inventory my-ops-project", "iam roles gke_inventory shop-prod"}


def deploy(cloud: Cloud, *steps: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return cloud.bash(f"config/deploy/deploy.sh {' '.join(steps)}", check=False, **{**NAMES, **variables})


class Stage(NamedTuple):
    """What one or more runs of the script left behind."""

    exit_codes: set[int]
    text: str
    names: set[str]
    created: list[str]
    """By these runs."""
    commands: list[Command]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with imitation(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """From nothing to a job, a second job, back to nothing, and again to a job."""
    if shutil.which("envsubst") is None:
        pytest.skip("envsubst is not installed")
    found: dict[str, Stage] = {}
    with imitation(tmp_path_factory.mktemp("cloud")) as cloud:

        def stage(name: str, *runs: subprocess.CompletedProcess[str]) -> None:
            done = sum(len(known.commands) for known in found.values())
            made = sum(len(known.created) for known in found.values())
            codes, text = {run.returncode for run in runs}, "".join(run.stderr for run in runs)
            found[name] = Stage(codes, text, cloud.names(), cloud.created[made:], cloud.commands[done:])

        cloud.loses_answers = True
        for step in STEPS:
            runs = [deploy(cloud, step)]
            while runs[-1].returncode:
                assert len(runs) < 10, runs[-1].stderr
                runs.append(deploy(cloud, step))
            stage(f"interrupted {step}", *runs)
        cloud.loses_answers = False
        stage("again", deploy(cloud, CHANNEL="42"))
        second = {"NAME": "gke-inventory-us", "CHANNEL": "42"}
        stage("second job", deploy(cloud, "account", "metrics", "alerts", **second))
        stage("second job removed", deploy(cloud, "remove", **second))
        stage("removed", deploy(cloud, "remove"))
        stage("removed twice", deploy(cloud, "remove"))
        stage("anew", deploy(cloud))
    return found


def test_a_run_that_loses_every_answer_is_finished_by_the_next_ones(life: dict[str, Stage]) -> None:
    stages = [life[f"interrupted {step}"] for step in STEPS]
    created = [name for stage in stages for name in stage.created]
    assert len(created) == len(set(created)) > 20
    for stage in stages:
        assert stage.exit_codes == ({0, 2} if stage.created else {0})  # the first error ends the script
        assert stage.text.count("the answer was lost") == len(stage.created) * bool(stage.created)
    assert "trying again for up to 900 s, until Google knows what is new: ERROR: NOT_FOUND: " in stages[4].text


def test_a_second_run_creates_nothing(life: dict[str, Stage]) -> None:
    again = life["again"]
    assert again.exit_codes == {0}, again.text
    assert (again.created, again.names) == ([], life["interrupted alerts"].names)
    assert [command.verb for command in again.commands if command.verb.startswith("builds")] == []


def test_a_second_job_shares_nothing_and_is_removed_alone(life: dict[str, Stage]) -> None:
    second = life["second job"]
    assert second.exit_codes == life["second job removed"].exit_codes == {0}, second.text
    assert len(second.created) > 12
    assert all("gke-inventory-us" in name or "gke_inventory_us" in name for name in second.created)
    assert life["second job removed"].names == life["again"].names


def test_remove_leaves_the_rows_alone(life: dict[str, Stage]) -> None:
    removed = life["removed"]
    assert removed.exit_codes == life["removed twice"].exit_codes == {0}, removed.text
    left = {name for name in removed.names if not name.startswith("api ")}
    assert left == {"dataset my-ops-project:gke_inventory", "rows on dataset my-ops-project:gke_inventory"}
    assert "This deletes them: bq --project_id=my-ops-project rm -r -f --dataset" in removed.text


def test_after_remove_everything_is_created_again_and_the_role_by_undelete(life: dict[str, Stage]) -> None:
    anew = life["anew"]
    assert anew.exit_codes == {0}, anew.text
    assert anew.names == life["again"].names
    roles = [command.words[2] for command in anew.commands if command.words[:2] == ["iam", "roles"]]
    assert "create" not in roles
    assert roles.count("undelete") == len(ROLES) == len(ROLES & set(anew.created))


def test_a_scheduled_query_is_the_file_with_its_names_and_runs_as_the_jobs_account(life: dict[str, Stage]) -> None:
    made = [c for c in life["anew"].commands if c.program == "bq" and {"mk", "--transfer_config"} <= set(c.words)]
    for command in made:
        name = command.flag("display_name").removeprefix("gke-inventory: ")
        text = Template((SCRIPT.parent / f"alerts/{name}.sql").read_text())
        query = text.substitute(PROJECT="my-ops-project", DATASET="gke_inventory")
        assert json.loads(command.flag("params")) == {"query": query}
        assert command.flag("service_account_name") == "gke-inventory@my-ops-project.iam.gserviceaccount.com"
    assert len(made) == 2


def test_the_token_is_on_no_command_line(life: dict[str, Stage]) -> None:
    commands = [command for stage in life.values() for command in stage.commands]
    assert TOKEN not in str([command.words for command in commands])
    assert all(TOKEN in command.stdin for command in commands if command.program == "curl")
    assert TOKEN not in str([stage.text for stage in life.values()])


def test_a_channel_is_given_to_new_policies_and_to_existing_ones(life: dict[str, Stage]) -> None:
    for name, action, flag in (
        ("again", "update", "--add-notification-channels=42"),
        ("second job", "create", "--notification-channels=42"),
    ):
        policies = [
            command.words
            for command in life[name].commands
            if command.verb.startswith(f"alpha monitoring policies {action}")
        ]
        assert len({str(words) for words in policies}) == 3
        assert all(flag in words for words in policies)


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
def test_gcloud_accepts_what_only_a_repeated_run_does(life: dict[str, Stage]) -> None:
    rare = {
        tuple(command.words): command.stdin
        for name in ("again", "second job", "anew")
        for command in life[name].commands
        if command.program == "gcloud"
        and ({"update", "undelete"} & set(command.words) or any("notification" in word for word in command.words))
    }
    assert len(rare) > 10
    for words, why in zip(rare, gcloud.refusals(list(rare.items())), strict=True):
        assert why is None, f"gcloud {' '.join(words)}\n{why}"


@pytest.fixture(scope="module")
def nowhere() -> Iterator[str]:
    """A server that has nothing."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.skipif(shutil.which("bq") is None, reason="bq is not installed")
@pytest.mark.parametrize("verb", ["ls", "mk", "update", "rm"])
def test_bq_knows_every_flag_of_a_scheduled_query(life: dict[str, Stage], nowhere: str, verb: str) -> None:
    commands = [command.words for stage in life.values() for command in stage.commands]
    words = next(words for words in commands if "--transfer_config" in words and verb in words)
    done = subprocess.run(
        ["bq", f"--api={nowhere}", "--oauth_access_token=fake", *words], capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert "BigQuery" in done.stdout  # the server's answer; an unknown flag is an error before that, on stderr


def test_a_missing_right_is_named_before_anything_is_created(cloud: Cloud) -> None:
    cloud.missing_rights = {"cloudscheduler.jobs.create"}
    done = deploy(cloud)
    assert done.returncode == 2
    assert (
        "ann@example.com lacks rights in my-ops-project, which roles/owner has: cloudscheduler.jobs.create"
        in done.stderr
    )
    cloud.missing_rights = {"iam.roles.undelete"}
    done = deploy(cloud)
    assert done.returncode == 2
    assert "ann@example.com lacks rights in my-ops-project, which roles/iam.roleAdmin" in done.stderr
    assert done.stderr.rstrip().endswith("have: iam.roles.undelete")
    assert cloud.things == {}


def test_a_refusal_ends_the_script_at_once_with_its_text(cloud: Cloud) -> None:
    cloud.refuses = "metrics create"
    done = deploy(cloud, "apis", "metrics", "alerts")
    assert done.returncode == 2
    assert "ERROR: PERMISSION_DENIED: The caller does not have permission\n" in done.stderr
    tries = [command.verb for command in cloud.commands if "create" in command.words]
    assert tries == ["logging metrics create gke_inventory_committed_tasks"]


def test_waiting_ends(cloud: Cloud) -> None:
    done = deploy(cloud, "apis", "dataset", WAIT_SECONDS="0")
    assert done.returncode == 2
    assert (
        "has not been used in project before or it is disabled\ndeploy.sh: this still failed after 0 s: " in done.stderr
    )


def test_the_first_run_is_repeated_only_for_lack_of_rights(cloud: Cloud) -> None:
    project, dataset, account = (
        "my-ops-project",
        "dataset my-ops-project:gke_inventory",
        "iam service-accounts gke-inventory",
    )
    reader = f"grant of projects/shop-prod/roles/gke_inventory to {account} on projects shop-prod"
    editor = f"grant of roles/bigquery.dataEditor to {account} on {dataset}"
    user = f"grant of roles/bigquery.jobUser to {account} on projects {project}"
    names = (f"api run {project}", f"api bigquery {project}", "run jobs gke-inventory", dataset, editor, user)
    for unknown, refused, executions in (
        ({reader: 1}, "", 2),  # coverage says `forbidden`
        ({editor: 3}, "", 4),  # nothing was written
        ({editor: 9}, "", 4),
        ({}, "jobs execute", 1),
    ):
        cloud.things, cloud.refuses, cloud.forbidden_rows = dict.fromkeys(names, 0) | unknown, refused, 0
        if not unknown:
            cloud.things[f"rows on {dataset}"] = 0
        before = len(cloud.commands)
        done = deploy(cloud, "first-run")
        assert done.returncode == (2 if unknown == {editor: 9} else 0), done.stderr
        assert sum("execute" in command.words for command in cloud.commands[before:]) == executions
        assert ("the execution failed: its log says why" in done.stderr) == (executions == 1 or done.returncode == 2)


def test_what_cannot_be_deleted_is_named_and_the_rest_is_deleted(cloud: Cloud) -> None:
    assert deploy(cloud, "apis", "metrics").returncode == 0
    cloud.refuses = "metrics delete gke_inventory_run_seconds"
    done = deploy(cloud, "remove")
    assert done.returncode == 2
    assert "this failed: gcloud logging metrics delete gke_inventory_run_seconds" in done.stderr
    assert {name for name in cloud.things if not name.startswith("api ")} == {
        "logging metrics gke_inventory_run_seconds"
    }


@pytest.mark.parametrize(
    ("steps", "variables", "text"),
    [
        ("", {"REGION": ""}, "set REGION"),
        ("", {"NAME": "Jobs"}, "NAME is Jobs: use 6 to 20 lower-case letters"),
        ("", {"DATASET": "a-b"}, "DATASET is a-b"),
        ("scheduel", {}, "there is no step scheduel, only check apis image"),
    ],
)
def test_a_wrong_name_or_step_is_an_error_before_any_command(
    cloud: Cloud, steps: str, variables: dict[str, str], text: str
) -> None:
    done = deploy(cloud, steps, **variables)
    assert (done.returncode, cloud.commands) == (2, [])
    assert text in done.stderr


@pytest.mark.skipif(gcloud.root() is None, reason="gcloud is not installed")
def test_a_build_uploads_no_state_and_no_cache(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    kept = {"Dockerfile", "config/deploy/terraform/.terraform.lock.hcl"}
    terraform = {f"config/deploy/terraform/{name}" for name in (".terraform/x", "a.tfvars", "terraform.tfstate")}
    for name in (*kept, *terraform, ".git/config", ".venv/bin/x", "job/__pycache__/x.pyc", "x.duckdb"):
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        (sources / name).touch()
    for name in (".gcloudignore", ".gitignore"):
        shutil.copy(ROOT / name, sources)
    done = subprocess.run(
        ["gcloud", "meta", "list-files-for-upload", str(sources)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert set(done.stdout.split()) == kept | {".gitignore"}


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
