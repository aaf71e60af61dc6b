"""`init`: the file that it writes gives the configuration that was found, and a run with it works."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import duckdb
import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from made import sink_at
from replay import CLUSTER, LOCATION, PROJECT, Replay
from test_anything_typed import few
from test_config_environment import variables_of

from job.cli import cli
from job.commands.commented import commented
from job.commands.exits import report_error
from job.commands.init import Found, Problem, _head
from job.config import Config, load_config
from job.config_checks import check_config
from job.errors import ConfigError
from job.kinds import RESOURCES
from job.simulator import simulate

NEXT = """\
wrote inventory.yaml

Next:
  gke-inventory doctor --config inventory.yaml    # check all that a run needs
  gke-inventory plan --config inventory.yaml      # list the clusters that a run would read
  gke-inventory run --config inventory.yaml       # take a snapshot
"""


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, words, standalone_mode=False)


def said(*words: str) -> str:
    """What the command prints when it succeeds."""
    done = invoke(*words)
    assert done.exception is None, done.exception
    assert done.return_value == 0  # type: ignore[attr-defined]
    return str(done.stdout)


def refused(*words: str) -> str:
    """The error of a command that exits with 2."""
    error = invoke(*words).exception
    assert isinstance(error, ConfigError)
    assert report_error(error) == 2
    return str(error)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.fleet
def test_a_run_with_the_file_that_it_writes_reads_the_simulated_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulate(clusters=5, pods=10, bigquery=False) as fleet:
        set_all(monkeypatch, fleet.environment | variables_of(fleet.configuration))
        printed = said("init", "--cluster", "shop-*/*")
        for name in variables_of(fleet.configuration):
            monkeypatch.delenv(name)
        sink_at(Path("inventory.duckdb"))
        ran = invoke("run", "-q", "--config", "inventory.yaml")
        labels = "  labels: {team: web}\n"
        Path("web.yaml").write_text(
            Path("inventory.yaml").read_text().replace("\nclusters:\n", f"\nclusters:\n{labels}")
        )
        web = invoke("plan", "--json", "--config", "web.yaml", "--location", "asia-*")
        expected = msgspec.convert(dict(fleet.configuration), Config)
        clusters = sorted(name for name in fleet.clusters if name.startswith("shop-"))
    assert ran.exception is None
    names = [each["name"] for each in json.loads(web.stdout) if each["status"]]
    assert names == [name for name in clusters if "/asia-" in name and "/web-" in name] != []
    assert printed.startswith(f"found {len(clusters)} clusters of 3 projects\n")
    assert "not found: all clusters of acquired-company: Required " in printed
    assert printed.endswith(NEXT)
    loaded = load_config("inventory.yaml")
    assert (loaded.projects, loaded.api_endpoints) == (expected.projects, expected.api_endpoints)
    assert loaded.clusters.include == ("shop-*/*",)
    text = Path("inventory.yaml").read_text()
    assert re.findall(r"^#   (\S+)$", text, re.MULTILINE)[: len(clusters)] == clusters
    assert "Not found: all clusters of data-platform, all clusters of acquired-company." in text.replace("\n# ", " ")
    with duckdb.connect("inventory.duckdb", read_only=True) as database:
        found = database.execute("SELECT project_id || '/' || location || '/' || cluster FROM clusters ORDER BY 1")
        assert [name for (name,) in found.fetchall()] == clusters


def set_all(patch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        patch.setenv(name, value)


def test_it_finds_the_default_project_and_writes_only_what_differs(
    replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints = variables_of({"api_endpoints": replay.configuration["api_endpoints"]})
    set_all(monkeypatch, endpoints | {"GOOGLE_CLOUD_PROJECT": PROJECT, "GKE_INVENTORY_CONFIG": "inventory.yaml"})
    assert said("init", "--sink", "bigquery://ops.inventory") == f"found 1 cluster of 1 project\n{NEXT}"
    text = Path("inventory.yaml").read_text()
    assert f"there were 1 cluster of 1 project:\n#   {PROJECT}/{LOCATION}/{CLUSTER}\n\n" in text
    active = re.findall(r"^\w+(?::.*)", text, re.MULTILINE)
    assert active == [f"projects: [{PROJECT}]", "sink: bigquery://ops.inventory", "api_endpoints:"]
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    by_file = load_config("inventory.yaml")
    assert by_file == load_config(projects=(PROJECT,), sink="bigquery://ops.inventory")
    assert by_file.api_endpoints.container == replay.container


def test_without_credentials_it_writes_the_file_and_says_what_is_missing() -> None:
    printed = said("init", "--project", "shop-prod", "--folder", "12")
    assert printed.startswith("not found: the clusters: no Application Default Credentials: ")
    assert printed.endswith(NEXT)
    assert "# Not found: the clusters.\n" in Path("inventory.yaml").read_text()
    assert load_config("inventory.yaml") == Config(projects=("shop-prod",), folders=("12",))


def test_without_network_it_writes_the_file_in_seconds(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GKE_INVENTORY_API_ENDPOINTS_OAUTH2", "http://127.0.0.1:9/token")
    assert "not found: the clusters: no access token" in said("init", "--project", "shop-prod")
    assert load_config("inventory.yaml").projects == ("shop-prod",)


def test_without_a_project_the_file_has_the_place_for_one() -> None:
    assert said("init").startswith("not found: a project: neither flags nor the configuration name one, and gcloud ")
    assert "\nprojects: []  # write the ids of your projects\n" in Path("inventory.yaml").read_text()
    assert load_config("inventory.yaml") == Config()
    assert "no projects are configured" in refused("plan", "--config", "inventory.yaml")


def test_no_file_is_replaced_unless_that_is_asked_for(tmp_path: Path) -> None:
    Path("inventory.yaml").write_text("workers: 3\n")
    Path("dangling.yaml").symlink_to("nowhere")
    for name in ("inventory.yaml", "dangling.yaml", str(tmp_path)):
        words = f"{name} exists, and was not changed: choose another --output, or replace it with --force"
        assert refused("init", "--output", name) == words
    assert Path("inventory.yaml").read_text() == "workers: 3\n"
    assert not Path("nowhere").exists()
    said("init", "--project", "shop-prod", "--force")
    assert load_config("inventory.yaml") == Config(projects=("shop-prod",))
    assert refused("init", "--force", "--output", str(tmp_path)) == f"cannot write {tmp_path}: Is a directory"
    assert refused("init", "--output", "no/such/x.yaml") == "cannot write no/such/x.yaml: No such file or directory"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--project", "Nope"), "projects: 'Nope' is not a project id"),
        (("--sink", "mysql://x"), "sink: 'mysql://x' is not a sink"),
        (("--folder", "shop"), "folders: 'shop' is not the id of a folder"),
    ],
)
def test_a_wrong_flag_is_refused_and_nothing_is_written(words: tuple[str, ...], expected: str) -> None:
    assert refused("init", *words).startswith(expected)
    assert not Path("inventory.yaml").exists()


def test_the_examples_in_its_comments_are_settings_that_a_run_accepts() -> None:
    text = commented(Config(), ["head"]).replace("\nprojects: []", "\n# projects: [my-project]")
    text = re.sub(r"^sink: .*\n", "", text, flags=re.MULTILINE)
    Path("all.yaml").write_text(re.sub(r"^# ( *\w+:(?: [^ ].*)?)$", r"\1", text, flags=re.MULTILINE))
    config = load_config("all.yaml")
    check_config(config, resources=RESOURCES)
    assert config.sink == "bigquery://my-project.gke_inventory?location=EU"
    assert (config.folders, config.clusters.exclude) == (("123456789012",), ("*-test",))
    assert config.bigquery.partition_expiration_days == 90


def test_a_name_that_a_server_gives_ends_no_comment() -> None:
    names = tuple(f"p/l/c{end}sink: duckdb:///evil" for end in ("\n", "\r", "\x85", "\u2028", "\0", "\x1b[2J"))
    found = Found(1, names, (Problem("all clusters of x\nworkers: 1", "why"),))
    Path("x.yaml").write_text(commented(Config(), _head(found)))
    assert load_config("x.yaml") == Config()
    assert "and 5 more, which gke-inventory plan lists" in commented(Config(), _head(Found(1, ("a/b/c",) * 25)))


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(
    ["null", "1", "~", "#", "a: b"]
)
configs = st.builds(
    lambda sink, names, labels, seconds, flag: msgspec.convert(
        {
            "sink": sink, "projects": names, "exclude_projects": names, "clusters": {"include": names},
            "project_labels": labels, "kinds": dict.fromkeys(labels, flag), "columns": {"team": {"labels": names}},
            "timeouts": {"run_seconds": seconds}, "bigquery": {"require_partition_filter": flag}, "compression": flag,
        },
        Config,
    ),
    texts, st.lists(texts, min_size=1, max_size=3), st.dictionaries(texts, texts, max_size=2),
    st.none() | st.floats(0.1, 86_400), st.booleans(),
)  # fmt: skip


@few
@given(configs)
def test_any_configuration_is_the_same_after_it_was_written(config: Config) -> None:
    Path("any.yaml").write_text(commented(config, [config.sink]), encoding="utf-8", newline="")
    assert load_config("any.yaml") == config
