"""Settings by environment variables: every key has one, and both ways give the same configuration."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
import yaml
from made import sink_at
from replay import PROJECT, Replay
from test_anything_typed import typed
from test_cli import invoke

from job.config import BigQuery, Config, LabelColumn, Timeouts, load_config
from job.config_checks import check_config
from job.config_environment import OTHER_VARIABLES, value_of
from job.config_keys import PREFIX, Setting, settings_of
from job.errors import ConfigError
from job.kinds import RESOURCES
from job.sinks.open_sink import open_sink, open_warehouse

JOB = Path(__file__).parent.parent / "job"
SETTINGS = list(settings_of(Config))
TEXTS = {
    "objects.include": "widgets.example.com,leases.*", "objects.exclude": "leases.*,events.*",
    "objects.columns": "{size: {kind: widgets.example.com, path: spec.size, type: INT64}}",
    "fail_on": "below:95%", "sink": "duckdb:///x.duckdb", "kinds": "{pods: false}",
    "columns": '{"team": {"labels": ["team"]}}', "project_labels": "env: production",
    "identity.by_project": "[{projects: [a], quota_project: my-project}]",
    "bigquery.labels": "{a: b}", "clusters.labels": "{a: b}",
    "cloud_asset_inventory": "true", "report.output": "gs://my-bucket/fleet.html",
}  # fmt: skip
"""Valid values of the settings that have a form of their own, as variables have them."""


def a_value(hint: Any) -> str:
    """A value of a type that is no default of any setting, as a variable has it."""
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(kind) in (Union, types.UnionType):
        return a_value(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return str(get_args(kind)[-1])
    if get_origin(kind) is tuple:
        of = get_args(kind)[0]
        return a_value(of) if get_origin(of) is Literal else "one@example.com,two@example.com"
    return {str: "me@example.com", int: "7", float: "7.5", bool: "{}"}[kind]


def text_for(setting: Setting) -> str:
    if get_args(setting.type)[0] is bool:
        return json.dumps(not setting.value_in(Config()))
    return TEXTS.get(setting.key) or a_value(setting.type)


def set_variables(patch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, text in variables.items():
        patch.setenv(PREFIX + name, text)


def test_every_setting_has_a_variable_of_its_own_which_means_nothing_else() -> None:
    names = [setting.variable for setting in SETTINGS]
    assert len(names) == len(set(names)) > 40
    assert OTHER_VARIABLES.isdisjoint(names)
    assert {"GKE_INVENTORY_SINK", "GKE_INVENTORY_TIMEOUTS_CONNECT_SECONDS"} <= set(names)
    assert not [name for name in names if re.search(r"_SERVICE_HOST$|_PORT(_|$)", name)]
    read = {name for path in JOB.rglob("*.py") for name in re.findall(r'"(GKE_INVENTORY_[A-Z_]+)"', path.read_text())}
    assert read - set(names) == OTHER_VARIABLES


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_by_variable_is_the_setting_by_file(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_for(setting)
    monkeypatch.setenv(setting.variable, f" {text}\n")
    by_variable = load_config()
    assert by_variable != Config()
    document: Any = text if isinstance(value_of(setting, text, Config), str) else yaml.safe_load(text)
    if isinstance(value_of(setting, text, Config), tuple) and not text.startswith("["):
        document = text.split(",")
    for name in reversed(setting.path):
        document = {name: document}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.delenv(setting.variable)
    by_file = load_config(tmp_path / "c.yaml")
    assert (by_variable, by_variable.digest) == (by_file, by_file.digest)


def test_flags_override_variables_which_override_the_file_key_by_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yaml").write_text(
        "projects: [of-the-file]\nworkers: 3\npage_limit: 9\ntimeouts: {run_seconds: 5, kind_seconds: 6}\n"
        "bigquery: {look_back_days: 3}\n"
    )
    set_variables(
        monkeypatch,
        {
            "CONFIG": str(tmp_path / "c.yaml"), "PROJECTS": "of-the-variable, [x]", "WORKERS": "4",
            "TIMEOUTS_RUN_SECONDS": "null", "PAGE_LIMIT": "", "BIGQUERY_LOOK_BACK_DAYS": "null",
            "COLUMNS": "{team: {labels: [a, b]}}", "SERVICE_HOST": "10.0.0.1", "WEB_PORT_80_TCP_ADDR": "10.0.0.1",
            "PORT": "tcp://10.0.0.1:80",
        },
    )  # fmt: skip
    assert load_config(workers=5) == Config(
        projects=("of-the-variable", "[x]"), workers=5, page_limit=9,
        timeouts=Timeouts(run_seconds=None, kind_seconds=6), bigquery=BigQuery(look_back_days=None),
        columns={"team": LabelColumn(labels=("a", "b"))},
    )  # fmt: skip


def test_lists_are_names_with_commas_or_yaml_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (
        ("a", ("a",)), ("a,b , c", ("a", "b", "c")), ("123,456", ("123", "456")), ("[]", ()),
        ("[a, 'b,c']", ("a", "b,c")),
        ('["a"]', ("a",)), ("*-1,prod/*", ("*-1", "prod/*")), ("web-[12]", ("web-[12]",)), ("['[ab]*']", ("[ab]*",)),
        ("null", ("null",)), ("[a,\n b]", ("a", "b")),
    ):  # fmt: skip
        monkeypatch.setenv("GKE_INVENTORY_CLUSTERS_EXCLUDE", text)
        assert load_config().clusters.exclude == expected


SECRET = "ya29.a-secret"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("WORKERS", "many", "workers: write a whole number, not text"),
        ("WORKERS", "0", "workers: write a whole number, at least 1"),
        ("WORKERS", "null", "workers: write a whole number, not null"),
        ("COMPRESSION", SECRET, "compression: write true or false, not text"),
        ("OVERLAP", SECRET, "overlap: write one of: warn, skip"),
        ("BIGQUERY_PARTITION_BY", SECRET, "bigquery.partition_by: write one of: hour, day, month, null"),
        ("FAIL_ON", SECRET, "fail_on: write incomplete, never, or a percentage such as below:95%"),
        ("IDENTITY_KUBERNETES", SECRET, "identity.kubernetes: write the email address of a service account"),
        ("TIMEOUTS_RUN_SECONDS", SECRET, "timeouts.run_seconds: write a number or null, not text"),
        ("TIMEOUTS_RUN_SECONDS", "&a " + SECRET, "timeouts.run_seconds: write a number or null, not text"),
        ("TIMEOUTS_RUN_SECONDS", "*" + SECRET, "timeouts.run_seconds: the value is not YAML from character 6 on; "),
        ("TIMEOUTS_RUN_SECONDS", "!" + SECRET, "timeouts.run_seconds: the value is not YAML from character 1 on; "),
        ("TIMEOUTS_RUN_SECONDS", "2026-13-45", "timeouts.run_seconds: the value is not YAML; "),
        ("OBJECTS_INCLUDE", "[*.x.io]", "objects.include: the value is not YAML from character 3 on; "),
        ("PROJECTS", f"[{SECRET}", "projects: the value is not YAML from character 15 on; a list is [a, b], and keys"),
        ("PROJECTS", f"a,,{SECRET}", "projects: write names with commas in between, such as a,b, without quotes"),
        ("EXCLUDE_PROJECTS", f"'{SECRET}',b", "exclude_projects: write names with commas in between"),
        ("FOLDERS", "[123]", "folders[0]: write text, not a whole number"),
        ("KINDS", SECRET, "kinds: write keys with values, such as `key: value`, not text"),
        ("KINDS", "{pods: " + SECRET + "}", "kinds: each value: write true or false, not text"),
        ("KINDS", "{pods: true, pods: false}", "kinds: the value has a key twice"),
        ("KINDS", "{podz: true}", "kinds: unknown kind 'podz'; did you mean `pods`?"),
        ("KINDS", "[" * 3000, "kinds: the value is not YAML"),
        ("COLUMNS", "{team: {label: [a]}}", "unknown key `columns.team.label`; did you mean `labels`?"),
        ("COLUMNS", "{Team: {labels: [a]}}", "columns.Team: a column's name has lower-case letters"),
        ("COLUMNS", "{team: {annotations: [a]}}", "columns.team: no annotation a is kept"),
        ("SINK", f"postgres://me:{SECRET}@x/y", "sink: 'postgres://...@x/y' is not a sink; write duckdb:///PATH or"),
        ("SINK", "duckdb:///x\udcff", "sink: the value is not UTF-8 text"),
        ("API_ENDPOINTS_BIGQUERY", f"https://me:{SECRET}@x", "api_endpoints.bigquery: 'https://...@x' is not a URL"),
        ("API_ENDPOINTS_OAUTH2", "http://x", "api_endpoints.oauth2: 'http://x' would send tokens unencrypted"),
        ("PROJECTS", "Nope", "projects: 'Nope' is not a project id"),
        ("FOLDERS", "shop", "folders: 'shop' is not the id of a folder"),
        ("BIGQUERY_LEDGER_EXPIRATION_DAYS", "7", "bigquery.ledger_expiration_days: 7 is shorter than"),
        ("BIGQUERY_PARTITION_BY", "hour", "bigquery.partition_by: a table can have 10,000 partitions"),
    ],
)  # fmt: skip
def test_an_invalid_value_is_refused_by_the_name_of_its_variable_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: str
) -> None:
    set_variables(monkeypatch, {"PROJECTS": "shop-prod"} | {name: text})
    with pytest.raises(ConfigError) as refused:
        used(load_config())
    message = str(refused.value)
    assert message.startswith(f"GKE_INVENTORY_{name}: {expected}")
    assert SECRET not in message
    assert "\n" not in message


def used(config: Config) -> None:
    """What a run checks before it reads anything."""
    check_config(config, resources=RESOURCES)
    open_sink(config, lambda: pytest.fail("no credentials are needed"))


def test_a_flag_that_is_wrong_is_not_blamed_on_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, {"PROJECTS": "shop-prod", "SINK": "duckdb:///x.duckdb"})
    with pytest.raises(ConfigError, match=r"^sink: 'x' is not a sink"):
        used(load_config(sink="x"))
    with pytest.raises(ConfigError, match=r"^projects: 'X' is not a project id"):
        used(load_config(projects=("X",)))


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("PROJCTS", "GKE_INVENTORY_PROJECTS"),
        ("sink", "GKE_INVENTORY_SINK"),
        ("TIMEOUTS__RUN_SECONDS", "GKE_INVENTORY_TIMEOUTS_RUN_SECONDS"),
        ("CONNECT_SECONDS", "GKE_INVENTORY_TIMEOUTS_CONNECT_SECONDS"),
        (
            "CLUSTERS",
            ", ".join(f"GKE_INVENTORY_CLUSTERS_{key}" for key in ("INCLUDE", "EXCLUDE", "LOCATIONS", "LABELS")),
        ),
    ],
)
def test_a_variable_of_no_setting_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    monkeypatch.setenv(f"GKE_INVENTORY_{name}", SECRET)
    with pytest.raises(ConfigError) as refused:
        load_config()
    expected = f"GKE_INVENTORY_{name}: no setting has this environment variable; the nearest is {nearest}"
    assert str(refused.value) == expected
    monkeypatch.setenv(f"GKE_INVENTORY_{name}", "")
    assert load_config() == Config()


def variables_of(keys: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """The keys of a configuration as variables."""
    found = {}
    for key, value in keys.items():
        name = f"{above}{key.upper()}"
        if isinstance(value, Mapping):
            found |= variables_of(value, f"{name}_")
        else:
            found[PREFIX + name] = ",".join(value) if isinstance(value, list) else str(value)
    return found


def test_a_run_needs_no_file_and_its_tasks_have_the_settings_of_flags_and_variables(
    replay: Replay, tmp_path: Path
) -> None:
    sink = sink_at(tmp_path / "x.duckdb")
    keys = {"kinds": {"pods": False}, "workers": 3} | replay.configuration
    (tmp_path / "c.yaml").write_text(json.dumps(keys))
    variables = variables_of(replay.configuration) | {
        "GKE_INVENTORY_KINDS": "{pods: false}", "GKE_INVENTORY_WORKERS": "3",
        "GKE_INVENTORY_SINK": "duckdb:////no/such/folder/x.duckdb",
    }  # fmt: skip
    done = invoke("run", "-q", "--json", "--tasks", "2", "--sink", sink, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    rows = json.loads(done.stdout)["rows"]
    assert rows["namespaces"] > 0
    assert not rows.get("pods")
    digests = open_warehouse(Config(), sink=sink).query("SELECT DISTINCT config_digest FROM runs").rows
    assert [tuple(row) for row in digests] == [(load_config(tmp_path / "c.yaml").digest,)]


@pytest.mark.parametrize(
    "command",
    [
        ["run"], ["run", "--tasks", "2"], ["plan"], ["doctor"], ["doctor", "--json"], ["query", "SELECT 1"],
        ["schema", "diff"], ["prune", "--older-than", "1d"], ["show", "a/b/c", "ns", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_refuses_an_invalid_variable(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, {"WORKERS": SECRET, "PROJECTS": PROJECT})
    assert "GKE_INVENTORY_WORKERS: workers: write a whole number, not text" in typed(*command)
