"""The configuration: what it accepts, and how it rejects the rest."""

from pathlib import Path

import pytest

from job.config import Config, load_config
from job.config_checks import check_config
from job.connect.identity import Identity
from job.errors import ConfigError
from job.kinds import KINDS, RESOURCES
from job.sinks.open_sink import open_sink

EXAMPLE = Path(__file__).parent.parent / "config" / "inventory.yaml"


def refused(tmp_path: Path, text: str) -> str:
    """The message of the error that a file causes."""
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        check_config(load_config(path), resources=RESOURCES)
    return str(raised.value).replace(str(tmp_path), "DIR")


def test_the_example_is_the_defaults_for_one_project_with_every_kind_named() -> None:
    config = load_config(EXAMPLE)
    check_config(config, resources=RESOURCES)
    assert config == Config(projects=("my-project",), kinds={kind.resource: kind.default for kind in KINDS})


def test_an_unknown_key_is_rejected_with_its_line_its_path_and_a_guess(tmp_path: Path) -> None:
    assert refused(tmp_path, "projects: [my-project]\nclusters:\n  includ: ['*']\n") == (
        "DIR/c.yaml, line 3: unknown key `clusters.includ`; did you mean `include`?"
    )


_ONE_COLUMN = "objects: {include: ['*'], columns: {a: {kind: r.x, path: spec.b}}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no projects are configured"),
        ("projects: []", "no projects are configured"),
        ("folders: []", "set `projects`, `folders` or `organizations` in the configuration file"),
        ("folders: [shop]", "folders: 'shop' is not the id of a folder: digits such as '123456789012'"),
        ("folders: ['organizations/1']", "folders: 'organizations/1' is not the id of a folder"),
        ("folders: [123]", "line 1: folders[0]: write text, not a whole number"),
        ("organizations: [example.com]", "is not the id of an organization: digits such as '123456789012'"),
        ("projects: [UPPER-case]", "'UPPER-case' is not a project id"),
        ("projects: ['123456']", "is not a project id"),
        ("projects: [abc]", "is not a project id"),
        ("projects: my-project", "line 1: projects: write a list such as [a, b], not text"),
        ("projects: [my-project]\nworkers: 0", "line 2: workers: write a whole number, at least 1"),
        (
            "projects: [my-project]\ntimeouts:\n  connect_seconds: soon",
            "line 3: timeouts.connect_seconds: write a number, not text",
        ),
        ("projects: [my-project]\nkinds: {podz: false}", "unknown kind 'podz'; did you mean `pods`?"),
        (
            "projects: [my-project]\nfail_on: below:95",
            "line 2: fail_on: write incomplete, never, or a percentage such as below:95%",
        ),
        (
            "projects: [my-project]\nendpoints: [dns, tunnel]",
            "line 2: endpoints[1]: write one of: public, dns, private, connect_gateway",
        ),
        ("projects: [my-project]\nprojects: [other-project]", "line 2: duplicate key `projects`"),
        ("projects: [my-project\nsink: x", "is not YAML: line 2"),
        ("objects:\n  include: [*.argoproj.io]", "a pattern that begins with * needs quotes"),
        ("- my-project", "write keys with values, such as `key: value`, not a list"),
        ("projects: [my-project]\napi_endpoints: {container: 'http://10.0.0.1'}", "api_endpoints.container: "),
        ("projects: [my-project]\napi_endpoints: {bigquery: nowhere}", "is not a URL"),
        ("projects: [my-project]\napi_endpoints: {bigquery: 'http://['}", "is not a URL"),
        ("projects: [my-project]\napi_endpoints: {container: 'https://x:port'}", "is not a URL"),
        ("projects: [my-project]\nkinds: {pods: 1}", "line 2: kinds: each value: write true or false, not a whole"),
        ("projects: [my-project]\nkinds: {on: true}", "line 2: kinds: each key: write text, not true or false"),
        ("columns:\n  team: {label: [a]}", "line 2: unknown key `columns.team.label`; did you mean `labels`?"),
        (
            "objects: {columns: {a: {kind: secrets, path: spec.x}}}",
            "objects.columns.a.kind: write the plural and the API group of one custom resource, such as rollouts.",
        ),
        (
            "objects: {columns: {a: {kind: '*.argoproj.io', path: spec.x}}}",
            "objects.columns.a.kind: write the plural and the API group of one custom resource, such as rollouts.",
        ),
        *(
            (
                f"objects: {{columns: {{a: {{kind: r.example.com, path: '{path}'}}}}}}",
                "objects.columns.a.path: write names of fields from spec or status on, such as spec.replicas",
            )
            for path in ("metadata.annotations.x", "spec", "data.key", "spec.containers[0].args", "spec.*", "$.spec.x")
        ),
        (
            "objects: {columns: {a: {kind: r.example.com, path: spec.x, type: int}}}",
            "objects.columns.a.type: write one of: STRING, INT64, FLOAT64, BOOL, TIMESTAMP",
        ),
        *(
            (
                f"projects: [my-project]\nobjects: {{include: ['*'], columns: {{a: {{kind: r.io.x, path: {path}}}}}}}",
                f"objects.columns.a: {path} is refused, as fields called",
            )
            for path in (
                "spec.env.PASSWORD",
                "spec.args.x",
                "spec.template.metadata.annotations.x",
                "spec.labels.team",
                "spec.data.key",
                "spec.stringData.key",
                "spec.adminPassword",
                "status.auth.user",
            )
        ),
        *(
            (
                f"projects: [my-project]\nobjects: {{include: ['*'], columns: {{a: {{kind: {kind}, path: spec.x}}}}}}",
                f"objects.columns.a: {kind} is a kind of Kubernetes itself: columns are for custom resources",
            )
            for kind in ("deployments.apps", "controllerrevisions.apps", "leases.coordination.k8s.io")
        ),
        (
            "projects: [my-project]\nobjects: {include: ['*.io.y'], columns: {a: {kind: r.io.x, path: spec.x}}}",
            "objects.columns.a: `objects` does not choose r.io.x: add it to `objects.include`",
        ),
        (
            "projects: [my-shop]\ncolumns: {a: {labels: [a]}}\n" + _ONE_COLUMN,
            "objects.columns.a: `columns` has a column of this name too",
        ),
        ("columns: {team: [a]}", "columns: each value: write keys with values, such as `key: value`, not a list"),
        ("bigquery: {labels: {Team: a}}", "line 1: bigquery.labels: each key: write up to 63 lower-case letters"),
        ("projects: 2026-13-45", "is not valid YAML"),
        ("projects: &a [*a]", "line 1: projects[0]: write text, not a list"),
        ("projects: " + "[" * 3000, "nested too deeply"),
        ("timeouts: {run_seconds: soon}", "line 1: timeouts.run_seconds: write a number or null, not text"),
        ("timeouts: {run_seconds: 0}", "line 1: timeouts.run_seconds: write a number, more than 0"),
        (
            "projects: [my-project]\nbigquery: {partition_expiration_days: 30, ledger_expiration_days: 7}\n",
            "bigquery.ledger_expiration_days: 7 is shorter than partition_expiration_days (30): a row counts only",
        ),
        (
            "projects: [my-project]\nbigquery: {partition_by: hour}\n",
            "bigquery.partition_by: a table can have 10,000 partitions, so hours need partition_expiration_days of",
        ),
    ],
)
def test_an_invalid_configuration_is_rejected_in_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    message = refused(tmp_path, text)
    assert expected in message
    assert "\n" not in message


def test_all_problems_of_a_file_are_said_at_once_in_its_order(tmp_path: Path) -> None:
    text = """\
projects: my-project
worker: 3
workers: 0
timeouts:
  run_second: 5
  kind_seconds: x
clusters: {include: a}
columns: {team: {label: [a]}}
projects: [other-project]
"""
    first, *lines = refused(tmp_path, text).splitlines()
    assert first == "the configuration has 7 problems:"
    assert [line.partition(", line ")[2] for line in lines] == [
        "2: unknown key `worker`; did you mean `workers`?",
        "3: workers: write a whole number, at least 1",
        "5: unknown key `timeouts.run_second`; did you mean `run_seconds`?",
        "6: timeouts.kind_seconds: write a number, not text",
        "7: clusters.include: write a list such as [a, b], not text",
        "8: unknown key `columns.team.label`; did you mean `labels`?",
        "9: duplicate key `projects`",
    ]


def test_all_values_that_a_run_cannot_use_are_said_at_once(tmp_path: Path) -> None:
    text = "projects: [Nope, '1']\nfolders: [x]\nkinds: {podz: true}\napi_endpoints: {bigquery: nowhere}"
    lines = refused(tmp_path, text).splitlines()
    assert lines[0] == "the configuration has 5 problems:"
    for line, words in zip(
        lines[1:], ("'Nope'", "'1'", "folders: 'x'", "unknown kind 'podz'", "'nowhere'"), strict=True
    ):
        assert words in line


@pytest.mark.parametrize("scope", ["folders: ['12']", "folders: [folders/12]", "organizations: [organizations/12]"])
def test_folders_and_organizations_need_no_project(tmp_path: Path, scope: str) -> None:
    (tmp_path / "c.yaml").write_text(scope)
    check_config(load_config(tmp_path / "c.yaml"), resources=RESOURCES)


def test_the_project_of_the_environment_is_that_of_gcloud_and_only_if_nothing_else_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    (tmp_path / "configurations").mkdir()
    assert load_config().projects == ()
    (tmp_path / "active_config").write_text("work\n")
    (tmp_path / "configurations" / "config_work").write_text("[core]\naccount = me@example.com\n")
    assert load_config().projects == ()
    (tmp_path / "configurations" / "config_work").write_text("[core]\nproject = of-gcloud\n")
    assert load_config().projects == ("of-gcloud",)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-google")
    assert load_config().projects == ("of-google",)
    monkeypatch.setenv("CLOUDSDK_CORE_PROJECT", "of-the-sdk")
    assert load_config().projects == ("of-the-sdk",)
    (tmp_path / "c.yaml").write_text("folders: ['12']")
    assert load_config(tmp_path / "c.yaml").projects == ()
    monkeypatch.setenv("CLOUDSDK_CORE_PROJECT", "Not A Project")
    with pytest.raises(ConfigError, match="'Not A Project' is not a project id"):
        check_config(load_config(), resources=RESOURCES)


def test_files_that_cannot_be_read_are_rejected(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot read the configuration file"):
            load_config(path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path / "binary")


def test_the_environment_names_the_file_and_flags_override_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.yaml").write_text("projects: [my-project]\nworkers: 3\n")
    monkeypatch.setenv("GKE_INVENTORY_CONFIG", str(tmp_path / "c.yaml"))
    assert load_config().workers == 3
    config = load_config(projects=("other-project",), sink=None)
    assert (config.projects, config.sink, config.workers) == (("other-project",), Config().sink, 3)


@pytest.mark.parametrize(
    ("fail_on", "read", "wanted", "accepted"),
    [
        ("incomplete", 10, 10, True), ("incomplete", 9, 10, False), ("never", 0, 10, True),
        ("below:95%", 95, 100, True),
        ("below:95%", 94, 100, False), ("below:100%", 99, 100, False), ("below:95%", 0, 0, True),
    ],
)  # fmt: skip
def test_fail_on_tolerates_gaps(fail_on: str, read: int, wanted: int, accepted: bool) -> None:
    assert Config(fail_on=fail_on).accepts(read, wanted) is accepted


def test_different_configurations_have_different_digests() -> None:
    assert Config().digest == Config().digest
    assert Config().digest != Config(page_limit=499).digest


@pytest.mark.parametrize(
    "sink",
    ["", "postgres://x", "duckdb://", "duckdb:///", "duckdb:///a?b=c", "bigquery://", "bigquery://project",
     "bigquery://my-project.data-set", "bigquery://my-project.d?loc=EU", "bigquery://my-project.d?location=",
     "bigquery://my-project.d/table"],
)  # fmt: skip
def test_an_invalid_sink_is_rejected(sink: str) -> None:
    def identity() -> Identity:
        raise AssertionError("no credentials are needed to reject a sink")

    with pytest.raises(ConfigError, match="sink: "):
        open_sink(Config(sink=sink), identity)
