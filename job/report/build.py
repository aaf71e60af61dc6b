"""What a report has and in which order: the queries that it needs, and the page that their answers make."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from job.errors import ConfigError
from job.report import groups, shown
from job.report.clusters import CLUSTERS
from job.report.comparison import compared
from job.report.groups import Kind
from job.report.moment import Moment, lacking, possible
from job.report.page import Page, Part
from job.report.section import Section, Table
from job.report.sections import SECTIONS, changes, coverage, fleet
from job.report.shown import Ask, Shown, text_for
from job.report.teams import TEAMS
from job.views import View

_FIRST_ROWS = 10  # of each table of the first screen, where it is text
_COMMITS = Table(
    name="commits",
    title="Commits",
    sql="SELECT COUNT(*) AS tasks, MIN(finished_at) AS first_commit, MAX(finished_at) AS last_commit FROM ${runs}",
    is_figures=True,
)
_ALWAYS = (
    "What lives and dies between two runs is not seen: a report is about readings, not events.",
    f"Texts are cut after {shown.MOST_CHARACTERS} characters.",
)


_STOOD = "How did each list stand, and what was not read and why?"


class Step(NamedTuple):
    """A section as it is at a moment or, with `before`, at two."""

    section: Section
    moment: Moment
    before: Moment | None = None


class Plan(NamedTuple):
    """A report before anything is asked."""

    title: str
    moment: Moment
    steps: list[Step]
    kinds: tuple[Kind, ...]
    left_out: list[str]

    def known_at(self) -> list[Moment]:
        """The moments by which something must have been committed."""
        earlier = [] if self.moment.since is None else [Moment(self.moment.since, dataset=self.moment.dataset)]
        return [*earlier, self.moment._replace(since=None)]

    def statements(self) -> Iterator[str]:
        """Every query that the report sends."""
        for moment in self.known_at():
            yield shown.executed(_COMMITS, moment)
        for step in self.steps:
            for table in step.section.tables:
                yield from (shown.executed(table, each) for each in (step.before, step.moment) if each is not None)
        for kind in self.kinds:
            yield from groups.statements(kind, self.moment)


def plan(moment: Moment, views: Sequence[View], *, is_first_screen: bool = False) -> Plan:
    """The report about now, or a moment.

    Args:
        views: of the sink, with the columns of the configuration.
        is_first_screen: only the first sections, shorter, as a terminal has them.
    """
    names = {view.name for view in views} | {function.name for view in views for function in view.functions}
    sections = [_shortened(section) for section in SECTIONS if section.is_first] if is_first_screen else SECTIONS
    kept, left_out = possible(sections, moment, names)
    kinds = () if is_first_screen else (TEAMS, CLUSTERS)
    shown_kinds = []
    for kind in kinds:
        shown_kind, missing = _possible(kind, moment, names)
        shown_kinds.append(shown_kind)
        left_out += missing
    sentences = [
        f"{title}: the view {view} has no function of a moment: it shows the present." for title, view in left_out
    ]
    if is_first_screen:
        sentences.append("The other sections, and one for each cluster, are in the HTML page: --output fleet.html.")
    return Plan("GKE fleet", moment, [Step(section, moment) for section in kept], tuple(shown_kinds), sentences)


def _possible(kind: Kind, moment: Moment, names: Collection[str]) -> tuple[Kind, list[tuple[str, str]]]:
    """The kind with those facts that can be read at the moment; the others, each with what it lacks."""
    asked = {each.name: each.sql for each in kind.facts} | {each.name: each.sql for each in kind.details}
    missing = {name: view for name, sql in asked.items() if (view := lacking(sql, moment, names)) is not None}
    kept = kind._replace(
        facts=tuple(each for each in kind.facts if each.name not in missing),
        details=tuple(each for each in kind.details if each.name not in missing),
    )
    return kept, [(f"{kind.title}, {name}", view) for name, view in missing.items()]


def plan_comparison(moment: Moment) -> Plan:
    """The report about what changed between two moments: `since` and `at` of one."""
    before = Moment(moment.since, dataset=moment.dataset)
    after = moment._replace(since=None)
    readings = coverage.SECTION._replace(about="What was read, and what was not and why, at each of the two moments?")
    steps = [
        Step(readings._replace(tables=(coverage.FIGURES,)), after, before),
        Step(_at("before", "at the earlier moment"), before),
        Step(_at("after", "at the later moment"), after),
        Step(fleet.SECTION._replace(tables=(fleet.FIGURES,)), after, before),
        Step(
            changes.SECTION._replace(
                about="What changed between what was known at the two moments? What could not be read shows no change."
            ),
            moment,
        ),
    ]
    return Plan("Changes in the GKE fleet", moment, steps, (), [])


def read(plan: Plan, ask: Ask, *, sink: str, now: datetime) -> Page:
    """Asks all queries of a plan.

    Raises:
        ConfigError: nothing was committed by its moment.
        SinkError: the warehouse cannot be read.
    """
    commits = _commits(plan, ask)
    parts = [Part(step.section, [_table(table, step, ask) for table in step.section.tables]) for step in plan.steps]
    found = [groups.read(kind, plan.moment, ask) for kind in plan.kinds]
    left_out = [*plan.left_out, *_cut(parts, found), *_ALWAYS]
    if plan.moment.at is None and _commits(plan, ask) != commits:
        left_out.insert(0, "A run was committed while this report was made: some tables show it, and some do not.")
    about = [("sink", text_for("sink")(sink)), *_moments(plan.moment, now), *commits]
    return Page(plan.title, about, parts, found, left_out)


def _table(table: Table, step: Step, ask: Ask) -> Shown:
    if step.before is None:
        return shown.read(table, step.moment, ask)
    return compared(table, shown.read(table, step.before, ask), shown.read(table, step.moment, ask))


def _commits(plan: Plan, ask: Ask) -> list[tuple[str, str]]:
    """How many tasks of runs are committed, and the last commit."""
    for moment in plan.known_at():
        found = shown.read(_COMMITS, moment, ask).rows[0]
        if found[0].sort:
            continue
        first = shown.read(_COMMITS, Moment(dataset=moment.dataset), ask).rows[0]
        if not first[0].sort:
            raise ConfigError("the report: the sink has no committed run yet; `gke-inventory run` makes one")
        raise ConfigError(
            f"the report: nothing was committed by {text_for('at')(moment.at)} UTC: the first commit was at "
            f"{first[1].text} UTC"
        )
    return [("newest commit", f"{found[2].text} UTC"), ("commits", found[0].text)]


def _moments(moment: Moment, now: datetime) -> list[tuple[str, str]]:
    written = f"{text_for('at')(now)} UTC"
    if moment.at is None:
        return [("as of", f"now, {written}")]
    at = f"{text_for('at')(moment.at)} UTC"
    if moment.since is not None:
        return [("from", f"{text_for('at')(moment.since)} UTC"), ("to", at), ("written", written)]
    return [("as of", at), ("written", written)]


def _cut(parts: Sequence[Part], found: Sequence[groups.Group]) -> Iterator[str]:
    """What the limits cut."""
    for part in parts:
        for table in part.tables:
            if table.total > len(table.rows):
                of = f"{shown.number(len(table.rows))} of {shown.number(table.total)}"
                yield f"{table.table.title}: the first {of} rows are shown. Its SQL without LIMIT has all."
    for group in found:
        if group.total > len(group.members):
            of = f"{shown.number(len(group.members))} of {shown.number(group.total)}"
            yield f"{group.kind.title}: {of} have a section here, in the order of {group.kind.order}."


def _shortened(section: Section) -> Section:
    return section._replace(
        tables=tuple(table._replace(limit=min(table.limit, _FIRST_ROWS)) for table in section.tables)
    )


def _at(name: str, when: str) -> Section:
    """The coverage of one of two moments."""
    tables = tuple(
        table._replace(name=f"{table.name}-{name}", title=f"{table.title}, {when}")
        for table in (coverage.RESOURCES, coverage.GAPS)
    )
    return coverage.SECTION._replace(name=f"coverage-{name}", title=f"Coverage {when}", about=_STOOD, tables=tables)
