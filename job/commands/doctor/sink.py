"""Checks of the sink: whether it is there and ours, can be written, and has the tables and views of this version."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path

import msgspec

from job.commands.doctor.credentials import Identities
from job.commands.doctor.finding import Check, Mend, commands_in, finding, passed, skipped
from job.commands.month import LOAD_JOBS_A_DAY, TABLE_MODIFICATIONS_A_DAY
from job.commands.output import counted
from job.config import Config
from job.connect.identity import Identity
from job.connect.principal import Principal, principal
from job.errors import CredentialsError, SinkError
from job.schema import SCHEMA_VERSION
from job.sinks.bigquery import BigQuerySink
from job.sinks.bigquery.inspection import check_rights, commits_of_last_day, version_of
from job.sinks.duckdb import DuckDBSink
from job.sinks.open_sink import open_sink
from job.sinks.protocol import Change
from job.tables import TABLES

_COST = "nothing can be written: every table keeps its last rows"
_WITHOUT_IDENTITY = "there is no access token"
_BILLING = "bill storage"
"""The change of a dataset that `schema diff` shows and no run makes."""
_NEWER = "a newer gke-inventory made the tables: this one writes to them, and leaves columns that it does not know NULL"
_TO_BE_MADE = "it does not exist yet: the next run creates it with all tables and views"
_VERSION = "SELECT max(version) FROM schema_version"
_UPGRADE = Mend("upgrade gke-inventory to the version that made the tables, or a newer one")
_NETWORK = Mend("check the way from this machine to BigQuery: proxy, DNS, firewall; or try again later")
_LOCATION = re.compile(r"write \?location=([A-Za-z0-9-]+), or")
_MUCH = 0.8  # of a daily limit
_PID = re.compile(r"\(PID (\d+)\)")
_COUNT_LOADS = "count the load jobs of the last 24 hours"
_COMPARE = "compare its tables and views"


def check_sink(config: Config, identities: Identities) -> list[Check]:
    """The checks of the configured sink. None of them waits for longer than a connection may take."""
    limits = config.timeouts
    limits = msgspec.structs.replace(limits, sink_seconds=min(limits.sink_seconds, limits.connect_seconds))

    def identity() -> Identity:
        if identities.kubernetes is None:
            raise CredentialsError(_WITHOUT_IDENTITY)
        return identities.kubernetes

    sink = open_sink(msgspec.structs.replace(config, timeouts=limits), identity)
    if isinstance(sink, DuckDBSink):
        return [_duckdb(sink)]
    if not isinstance(sink, BigQuerySink):
        return []
    if identities.bigquery is None:
        return [skipped("sink", f"bigquery://{sink.name}", _COMPARE, _WITHOUT_IDENTITY)]
    return list(_bigquery(sink, principal(identities.bigquery.credentials)))


def _bigquery(sink: BigQuerySink, who: Principal) -> Iterator[Check]:
    subject = f"bigquery://{sink.name}"
    try:
        changes = sink.changes()
        is_whole = not any(change.action.startswith("create") for change in changes)
        is_newer = is_whole and version_of(sink) > SCHEMA_VERSION
    except SinkError as error:
        mends = _mends_of_bigquery(sink, error, who)
        yield finding("sink", subject, _COMPARE, str(error), costs=[_COST], mends=mends)
        return
    if is_newer:
        yield passed("sink", subject, _COMPARE, _NEWER)
    else:
        yield from _of_changes(subject, changes, partial(_bq, sink))
    action = "change rows, as a dry run" if is_whole else "start a query job, as a dry run"
    try:
        check_rights(sink, has_tables=is_whole)
    except SinkError as error:
        mends = _mends_of_bigquery(sink, error, who)
        yield finding("sink", subject, action, str(error), costs=[_COST], mends=mends)
        return
    yield passed("sink", subject, action, f"{who.name} may do so")
    if is_whole:
        yield _of_lost_commits(sink, subject)
        yield _of_quota(sink, subject)


def _of_lost_commits(sink: BigQuerySink, subject: str) -> Check:
    action = "look for commits that views lack"
    try:
        lost = sink.present.lost_commits()
    except SinkError as error:
        mends = [Mend("try again; if it stays so, as the error says")]
        return finding(
            "sink", subject, action, str(error), costs=["it is not known whether views lack a run"], mends=mends
        )
    if not lost:
        return passed("sink", subject, action, "they have all")
    names = ", ".join(f"{commit.run_id} of {commit.snapshot_time.isoformat(timespec='seconds')}" for commit in lost)
    word = "run" if len(lost) == 1 else "runs"
    return finding(
        "sink", subject, action, f"the views lack the committed {word} {names}; the next run mends it",
        costs=["views of the present show older readings; `<table>_history` has the rows"],
        mends=[Mend("take a snapshot", "gke-inventory run")],
    )  # fmt: skip


def _of_quota(sink: BigQuerySink, subject: str) -> Check:
    try:
        return _of_loads(subject, commits_of_last_day(sink))
    except SinkError as error:
        return skipped("sink", subject, _COUNT_LOADS, str(error))


def _of_loads(subject: str, of_a_table: int) -> Check:
    """What the runs of the last day took of BigQuery's daily limits, without load jobs that failed, which count too.

    https://cloud.google.com/bigquery/quotas#standard_tables
    """
    action = _COUNT_LOADS
    of_all = of_a_table * len(TABLES)
    message = (
        f"{of_a_table:,} of {TABLE_MODIFICATIONS_A_DAY:,} that a table may have a day, "
        f"and {of_all:,} of {LOAD_JOBS_A_DAY:,} that a project may have"
    )
    if max(of_a_table / TABLE_MODIFICATIONS_A_DAY, of_all / LOAD_JOBS_A_DAY) < _MUCH:
        return passed("sink", subject, action, message)
    return finding(
        "sink", subject, action, message,
        costs=["BigQuery refuses to load more until the next day: runs fail, and every table keeps its last rows"],
        mends=[Mend("use fewer tasks, or run less often: `gke-inventory plan --estimate` says what a schedule takes")],
    )  # fmt: skip


def _of_changes(subject: str, changes: Sequence[Change], by_hand: Callable[[Change], str]) -> Iterator[Check]:
    """What differs from this version's tables and views: a run makes most of it, and a person the rest.

    Args:
        by_hand: the command that makes a change.
    """
    made = [change for change in changes if change.additive and change.action != _BILLING]
    if any(change.action == "create dataset" for change in made):
        yield passed("sink", subject, _COMPARE, _TO_BE_MADE)
    elif made or not changes:
        yield passed("sink", subject, _COMPARE, _next_changes(len(made)))
    for change in changes:
        if change.additive and change.action != _BILLING:
            continue
        is_billing = change.action == _BILLING
        cost = "storage costs what the other model bills" if is_billing else _COST
        text = f"{change.name} differs from what this version declares ({change.action}), and no run changes that"
        mends = [Mend("make the change by hand" + ("" if is_billing else ": it loses data"), by_hand(change))]
        yield finding("sink", subject, _COMPARE, text, costs=[cost], mends=mends)


def _next_changes(count: int) -> str:
    if not count:
        return "all are as this version declares them"
    return f"{counted(count, 'change')}, which the next run makes; `gke-inventory schema diff` shows them"


def _bq(sink: BigQuerySink, change: Change) -> str:
    project = shlex.quote(sink.name.rpartition(".")[0])
    statement = "\n".join(line for line in change.statement.split("\n") if not line.startswith("--"))
    return f"bq query --project_id={project} --use_legacy_sql=false {shlex.quote(statement)}"


def _mends_of_bigquery(sink: BigQuerySink, error: SinkError, who: Principal) -> list[Mend]:
    project, _, dataset = sink.name.rpartition(".")
    text, code = str(error), getattr(error.__cause__, "code", None)
    if found := _LOCATION.search(text):
        return [Mend(f"write `sink: bigquery://{sink.name}?location={found[1]}`, or name another dataset")]
    if code == HTTPStatus.FORBIDDEN and "roles/bigquery." in text:
        member = who.member.strip("'\"")
        grant = f"GRANT `roles/bigquery.dataEditor` ON SCHEMA `{sink.name}` TO '{member}'"
        statement = shlex.quote(grant) if "$(" not in member else '"' + grant.replace("`", "\\`") + '"'
        return [
            Mend(
                f"let {who.name} run jobs in {project} and write to {dataset}",
                f"gcloud projects add-iam-policy-binding {shlex.quote(project)} --member={who.member} "
                "--role=roles/bigquery.jobUser --condition=None\n"
                f"bq query --project_id={shlex.quote(project)} --use_legacy_sql=false {statement}",
            )
        ]
    if code == HTTPStatus.NOT_FOUND:
        return [
            Mend("see whether the project exists, under this id", f"gcloud projects describe {shlex.quote(project)}")
        ]
    if "a newer gke-inventory" in text:
        return [_UPGRADE]
    if "did not make" in text:
        return [Mend("name a dataset in `sink` that does not exist: the next run creates it")]
    return commands_in(text) or [_NETWORK if code is None else Mend("as the error says")]


def _duckdb(sink: DuckDBSink) -> Check:
    """One check: whoever opens the file finds out all of it."""
    subject, action = f"duckdb:///{sink.path}", "open it, and compare its tables and views"
    try:
        sink.prepare()
        changes = list(sink.changes())
        is_newer = sink.path.exists() and not changes and sink.query(_VERSION).rows[0][0] > SCHEMA_VERSION
    except SinkError as error:
        return finding("sink", subject, action, str(error), costs=[_COST], mends=_mends_of_file(sink.path, str(error)))
    if not sink.path.exists():
        return passed("sink", subject, action, _TO_BE_MADE)
    if is_newer:
        return passed("sink", subject, action, _NEWER)
    return passed("sink", subject, action, _next_changes(len(changes)))


def _mends_of_file(path: Path, text: str) -> list[Mend]:
    folder, file = shlex.quote(str(path.parent)), shlex.quote(str(path))
    if "does not exist; create it" in text:
        return [Mend("create the folder", f"mkdir -p {folder}")]
    if "close the program" in text:
        found = _PID.search(text)
        see = f"ps -fp {found[1]}" if found else f"lsof {file}"
        return [Mend("close the program that has it open, which this shows", see)]
    if "a newer gke-inventory" in text:
        return [_UPGRADE]
    if "differs from what this version needs" in text:
        return [Mend("make the change by hand, as `gke-inventory schema diff` shows it, or name another file")]
    if "cannot write in" in text or "no permission" in text or "cannot be read" in text:
        return [Mend("see who may write there, and grant it or name another file", f"ls -ld {folder} {file}")]
    return [Mend("name another file in `sink`: the next run creates it")]
