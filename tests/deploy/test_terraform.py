"""The Terraform configuration: it parses, its references resolve, the provider knows its arguments, and its values are
those of the manifests."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from deploy.google_api import document
from deploy.test_alerts import ALERTS, METRICS, POLICIES, filled
from deploy.test_job import execution, manifest, task

FOLDER = Path(__file__).parents[2] / "config/deploy/terraform"
PROVIDER = json.loads((Path(__file__).parent / "google_provider.json").read_text())["resources"]
_META = {"count", "depends_on", "dynamic", "for_each", "lifecycle", "provider"}


def text() -> str:
    """All files, without comments."""
    whole = "\n".join(path.read_text() for path in sorted(FOLDER.glob("*.tf")))
    return re.sub(r"^\s*#.*$", "", whole, flags=re.MULTILINE)


def plain(value: Any) -> Any:
    """The parser's result with strings unquoted, without the parser's own keys."""
    if isinstance(value, dict):
        return {
            plain(key): plain(inner) for key, inner in value.items() if not re.fullmatch(r"__\w+__", key)
        }  # fmt: skip
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == '"' else value


def blocks(kind: str) -> dict[str, dict[str, Any]]:
    """The blocks of a kind: `variable` by name, `resource` by `type.name`."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.tf")):
        with path.open() as file:
            for block in plain(hcl2.load(file)).get(kind, []):
                for name, body in block.items():
                    named = (
                        {f"{name}.{inner}": body for inner, body in body.items()}
                        if kind == "resource"
                        else {name: body}
                    )
                    assert not set(named) & set(found)
                    found |= named
    return found


RESOURCES = blocks("resource")


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_it_is_formatted_as_terraform_formats_it() -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", str(FOLDER)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def wrong_arguments(body: dict[str, Any], declared: dict[str, Any], where: str) -> Iterator[str]:
    """Arguments that the provider does not know, and required ones that are absent."""
    required = {name[1:] for name in declared if name.startswith("*")}
    known = {name.removeprefix("*"): value for name, value in declared.items()}
    dynamic = {name: value["content"] for block in body.get("dynamic", []) for name, value in block.items()}
    given = {name: value for name, value in body.items() if name not in _META} | dynamic
    yield from (f"{where}.{name} is not known" for name in sorted(set(given) - set(known)))
    yield from (f"{where}.{name} is required" for name in sorted(required - set(given)))
    for name, value in given.items():
        if isinstance(known.get(name), dict):
            assert isinstance(value, list), f"{where}.{name} is a block"
            for inner in value:
                yield from wrong_arguments(inner, known[name], f"{where}.{name}")


@pytest.mark.parametrize("name", RESOURCES)
def test_the_provider_knows_every_argument(name: str) -> None:
    declared = PROVIDER[name.partition(".")[0]]["arguments"]
    assert list(wrong_arguments(RESOURCES[name], declared, name)) == []


def test_a_wrong_argument_is_seen() -> None:
    job = {
        "name": "x",
        "location": "y",
        "template": [{"tasks": 1, "template": [{"dynamic": [{"vpc": {"content": [{}]}}]}]}],
    }
    declared = PROVIDER["google_cloud_run_v2_job"]["arguments"]
    assert list(wrong_arguments(job, declared, "job")) == [
        "job.template.tasks is not known", "job.template.template.vpc is not known"
    ]  # fmt: skip
    del job["location"]
    assert "job.location is required" in list(wrong_arguments(job, declared, "job"))


def test_every_reference_is_to_something_that_is_declared() -> None:
    found = set(re.findall(r"(google_\w+)\.(\w+)(?:\[[^\]]+\])?(?:\.(\w+))?", text()))
    assert len(found) > 10
    for kind, name, attribute in found:
        assert f"{kind}.{name}" in RESOURCES
        assert not attribute or attribute in PROVIDER[kind]["attributes"], f"{kind}.{name}.{attribute}"


def test_every_variable_is_described_and_used_and_every_used_one_is_declared() -> None:
    declared = blocks("variable")
    assert set(re.findall(r"\bvar\.(\w+)", text())) == set(declared)
    assert all(body["type"] and body["description"] for body in declared.values())


def test_every_output_is_described() -> None:
    assert all(body["description"] for body in blocks("output").values())


def test_the_job_is_the_manifests() -> None:
    job = RESOURCES["google_cloud_run_v2_job.inventory"]
    (template,) = job["template"]
    (task_template,) = template["template"]
    (container,) = task_template["containers"]
    wanted = task(manifest())
    (other,) = wanted["containers"]
    assert job["name"] == "${var.name}"
    assert blocks("variable")["name"]["default"] == manifest()["metadata"]["name"]
    assert task_template["max_retries"] == wanted["maxRetries"]
    assert task_template["timeout"] == f"{wanted['timeoutSeconds']}s"
    assert (container["name"], container["args"]) == (other["name"], other["args"])
    assert container["resources"] == [{"limits": other["resources"]["limits"]}]
    values = {
        "GKE_INVENTORY_PROJECTS": '${join(",", sort(var.cluster_projects))}',
        "GKE_INVENTORY_SINK": "bigquery://${var.project}.${var.dataset}?location=${var.location}",
    }
    names = [variable["name"] for variable in other["env"]]
    assert container["env"] == [
        {"name": variable["name"], "value": values.get(variable["name"], variable["value"])}
        for variable in other["env"]
    ]
    assert set(values) < set(names)
    content = [{"name": "${env.key}", "value": "${env.value}"}]
    assert container["dynamic"] == [{"env": {"for_each": "${var.settings}", "content": content}}]
    mounts = [{"name": mount["name"], "mount_path": mount["mountPath"]} for mount in other["volumeMounts"]]
    assert container["volume_mounts"] == mounts
    (spool,) = wanted["volumes"]
    empty = {"medium": spool["emptyDir"]["medium"].upper(), "size_limit": spool["emptyDir"]["sizeLimit"]}
    assert task_template["volumes"] == [{"name": "spool", "empty_dir": [empty]}]
    assert blocks("variable")["task_count"]["default"] == execution(manifest())["taskCount"]


def test_its_enums_are_those_of_the_api() -> None:
    schemas = document("run.v2")["schemas"]
    assert "MEMORY" in schemas["GoogleCloudRunV2EmptyDirVolumeSource"]["properties"]["medium"]["enum"]
    egress = re.search(r'egress\s*=\s*optional\(string, "(\w+)"\)', text())
    assert egress is not None
    assert egress[1] in schemas["GoogleCloudRunV2VpcAccess"]["properties"]["egress"]["enum"]


def test_the_accounts_get_the_rights_that_the_readme_gives_them() -> None:
    given = {
        (name.partition(".")[0].removeprefix("google_"), body["member"], body["role"])
        for name, body in RESOURCES.items()
        if "_iam_member." in name
    }
    job, build = "${google_service_account.job.member}", "${google_service_account.build.member}"
    assert given == {
        ("project_iam_member", job, "${google_project_iam_custom_role.reader[each.value].id}"),
        ("project_iam_member", job, "roles/bigquery.jobUser"),
        ("bigquery_dataset_iam_member", job, "roles/bigquery.dataEditor"),
        ("cloud_run_v2_job_iam_member", "${google_service_account.scheduler.member}", "roles/run.invoker"),
        ("artifact_registry_repository_iam_member", build, "roles/artifactregistry.writer"),
        ("project_iam_member", build, "roles/logging.logWriter"),
        ("storage_bucket_iam_member", build, "roles/storage.objectViewer"),
    }
    assert RESOURCES["google_storage_bucket_iam_member.sources"]["bucket"] == "${google_storage_bucket.sources.name}"


def test_the_provider_is_locked_by_the_checksums_of_its_release() -> None:
    (locked,) = plain(hcl2.loads((FOLDER / ".terraform.lock.hcl").read_text()))["provider"]
    (provider,) = locked.values()
    assert list(locked) == ["registry.terraform.io/hashicorp/google"]
    assert f'version = "{provider["constraints"]}"' in (FOLDER / "versions.tf").read_text()
    assert provider["version"].startswith(provider["constraints"].removeprefix("~> "))
    assert len(provider["hashes"]) >= 12  # one for each platform
    assert all(re.fullmatch(r"zh:[0-9a-f]{64}|h1:\S{44}", checksum) for checksum in provider["hashes"])


def test_the_custom_role_is_the_same_as_in_role_yaml() -> None:
    role = yaml.safe_load((FOLDER.parent / "role.yaml").read_text())
    body = RESOURCES["google_project_iam_custom_role.reader"]
    assert body["permissions"] == role["includedPermissions"]
    assert (body["title"], body["description"]) == (role["title"], role["description"])


def test_the_scheduler_posts_to_the_jobs_run() -> None:
    (target,) = RESOURCES["google_cloud_scheduler_job.inventory"]["http_target"]
    assert target == {
        "http_method": "POST",
        "uri": "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.region}/jobs/"
        "${google_cloud_run_v2_job.inventory.name}:run",
        "oauth_token": [{"service_account_email": "${google_service_account.scheduler.email}"}],
    }


def upstream(name: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """The resources that this one waits for, by references and `depends_on`."""
    direct = set(re.findall(r"(?<![\w.])(google_\w+\.\w+)", json.dumps(RESOURCES[name]))) & set(RESOURCES) - {name}
    return direct | {far for near in direct - seen for far in upstream(near, seen | {name})}


def test_everything_waits_for_the_apis_and_nothing_disables_them() -> None:
    for name, body in RESOURCES.items():
        if name.startswith("google_project_service."):
            assert body["disable_on_destroy"] is False
        else:
            assert "google_project_service.job" in upstream(name), name


def test_the_apis_are_those_that_the_script_enables() -> None:
    apis = re.findall(r'"(\w+)"', RESOURCES["google_project_service.job"]["for_each"])
    script = (FOLDER.parent / "deploy.sh").read_text().partition("\napis() {")[2].partition("\n}")[0]
    assert sorted({f"{api}.googleapis.com" for api in apis}) == sorted(set(re.findall(r"\w+\.googleapis\.com", script)))


def test_everything_is_named_after_the_job() -> None:
    names = ("account_id", "role_id", "repository_id", "name", "display_name")
    for kind, body in RESOURCES.items():
        if kind.startswith(("google_bigquery_dataset", "google_project_service")) or "_member" in kind:
            continue
        named = [body[name] for name in names if name in body]
        filled_in = ("${each.value.displayName}", "${local.silence.displayName}")  # which begin with ${NAME}
        assert any("var.name" in text or "local.names" in text or text in filled_in for text in named), kind


def leaves(value: Any, path: str = "") -> set[str]:
    """The paths of a document's values: `conditions[0].displayName`."""
    if isinstance(value, dict):
        return {leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}.{key}" if path else key)}
    if isinstance(value, list):
        return {leaf for index, inner in enumerate(value) for leaf in leaves(inner, f"{path}[{index}]")}
    return {path}


def arguments(body: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The arguments of a block and of those in it, with their expressions."""
    if isinstance(body, dict):
        for key, inner in body.items():
            yield from arguments(inner, key)
    elif isinstance(body, list):
        for inner in body:
            yield from arguments(inner, name)
    else:
        yield name, str(body)


@pytest.mark.parametrize(
    ("resource", "source", "file"),
    [("failure", "each.value", "failed_query"), ("silence", "local.silence", "no_commit")],
)
def test_a_policy_has_every_value_of_its_file(resource: str, source: str, file: str) -> None:
    body = RESOURCES[f"google_monitoring_alert_policy.{resource}"]
    used = {
        path: name
        for name, expression in arguments(body)
        for path in re.findall(rf"{re.escape(source)}\.([\w.\[\]]+)", expression)
    }
    assert set(used) == leaves(POLICIES[file])
    for path, name in used.items():
        assert re.sub("([A-Z])", lambda letter: f"_{letter[1].lower()}", path.rpartition(".")[2]) == name


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_reads_the_files_of_the_alerts_as_the_script_does(tmp_path: Path) -> None:
    """Without the resources, which need the provider."""
    shutil.copytree(FOLDER.parent / "alerts", tmp_path / "alerts")
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform/a.tf").write_text(
        (FOLDER / "variables.tf").read_text() + (FOLDER / "alerts.tf").read_text().partition("\nresource ")[0]
    )
    loops = [
        RESOURCES[name]["for_each"][2:-1]
        for name in ("google_logging_metric.log", "google_monitoring_alert_policy.failure")
    ]
    query = RESOURCES["google_bigquery_data_transfer_config.query"]["params"]["query"][2:-1]
    query = query.replace("${each.value}", "unread_clusters")
    variables = {"project": "ops", "region": "x", "location": "EU", "image": "x", "cluster_projects": '["ops"]'}
    done = subprocess.run(
        ["terraform", "console", *(f"-var={name}={value}" for name, value in variables.items())],
        cwd=tmp_path / "terraform", input=f"jsonencode([{', '.join(loops)}, local.silence, {query}])",
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    metrics, failures, silence, sql = json.loads(json.loads(done.stdout))
    assert {f"gke_inventory_{name}": metric for name, metric in metrics.items()} == METRICS
    unknown = {name: name for name in ("UNACCEPTED_GAPS", "UNREAD_CLUSTERS")}
    assert failures == {name: json.loads(filled(ALERTS / f"{name}.json", **unknown)) for name in failures}
    assert set(failures) | {"no_commit"} == set(POLICIES)
    assert silence == POLICIES["no_commit"]
    assert sql == filled(ALERTS / "unread_clusters.sql", PROJECT="ops", DATASET="gke_inventory")


def test_the_queries_run_as_the_jobs_account_once_it_may_read_the_tables() -> None:
    query = RESOURCES["google_bigquery_data_transfer_config.query"]
    assert query["service_account_name"] == "${google_service_account.job.email}"
    assert {"google_bigquery_dataset_iam_member.rows", "google_project_iam_member.load_jobs"} <= upstream(
        "google_bigquery_data_transfer_config.query"
    )
    names = {path.stem for path in ALERTS.glob("*.sql")}
    assert set(re.findall(r'"(\w+)"', query["for_each"])) == names
