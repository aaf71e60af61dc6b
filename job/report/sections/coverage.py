"""What was read and what was not, why, and how old it is: the first section, which bounds all others."""

from __future__ import annotations

from job.report.section import Bars, Section, Table

STATUSES = ("ok", "partial", "stale", "never_read", "off")

FIGURES = Table(
    name="coverage-figures",
    title="Clusters and their readings",
    is_figures=True,
    sql="""\
SELECT
  COUNT(DISTINCT CASE WHEN cluster IS NOT NULL THEN project_id || '/' || location || '/' || cluster END) AS clusters,
  COUNT(DISTINCT CASE WHEN status NOT IN ('ok', 'off') THEN project_id || '/' || location || '/' || cluster END)
    AS clusters_with_gaps,
  SUM(CASE WHEN status IN ('ok', 'off') THEN 0 ELSE 1 END) AS lists_with_gaps,
  SUM(CASE WHEN cluster IS NULL AND status NOT IN ('ok', 'off') THEN 1 ELSE 0 END) AS projects_with_gaps,
  MIN(CASE WHEN cluster IS NOT NULL AND status <> 'off' THEN read_age_seconds END) AS newest_reading_age_seconds,
  MAX(CASE WHEN cluster IS NOT NULL AND status <> 'off' THEN read_age_seconds END) AS oldest_reading_age_seconds
FROM ${coverage}""",
    note="A list is one kind of one cluster, or the clusters of one project. A project with a gap may have clusters "
    "that nobody knows of.",
)

GAPS = Table(
    name="gaps",
    title="What was not read in full, and why",
    sql="""\
SELECT
  status,
  outcome,
  reason,
  COUNT(DISTINCT CASE WHEN cluster IS NOT NULL THEN project_id || '/' || location || '/' || cluster END) AS clusters,
  COUNT(*) AS lists,
  STRING_AGG(DISTINCT resource, ', ' ORDER BY resource) AS resources,
  MAX(read_age_seconds) AS oldest_reading_age_seconds,
  MIN(message) AS example
FROM ${coverage}
WHERE status NOT IN ('ok', 'off')
GROUP BY status, outcome, reason""",
    order="lists DESC, status, outcome, reason",
    note="The example says what mends a gap of this cause, where that is known.",
    empty="Everything that the configuration asks for was read to its end.",
)

RESOURCES = Table(
    name="resources",
    title="Lists of each resource by status",
    sql="""\
SELECT
  CASE resource WHEN '*' THEN '* (clusters that were never collected)' ELSE resource END AS resource,
  SUM(CASE status WHEN 'ok' THEN 1 ELSE 0 END) AS ok,
  SUM(CASE status WHEN 'partial' THEN 1 ELSE 0 END) AS partial,
  SUM(CASE status WHEN 'stale' THEN 1 ELSE 0 END) AS stale,
  SUM(CASE status WHEN 'never_read' THEN 1 ELSE 0 END) AS never_read,
  SUM(CASE status WHEN 'off' THEN 1 ELSE 0 END) AS off,
  MAX(CASE WHEN status <> 'off' THEN read_age_seconds END) AS oldest_reading_age_seconds
FROM ${coverage}
GROUP BY resource""",
    order="resource",
    limit=100,
    note="ok: read to the end. partial: except for some objects or zones. stale: the newest attempt failed or was not "
    "made, and the rows are those of an older reading. never_read: no reading at all. off: not asked for.",
    bars=Bars(STATUSES),
)

INCOMPLETE = Table(
    name="incomplete",
    title="Clusters and projects with gaps",
    sql="""\
SELECT
  project_id,
  location,
  cluster,
  SUM(CASE WHEN status = 'ok' THEN 1 ELSE 0 END) AS lists_ok,
  STRING_AGG(CASE status WHEN 'never_read' THEN resource END, ', ' ORDER BY resource) AS never_read,
  STRING_AGG(CASE status WHEN 'stale' THEN resource END, ', ' ORDER BY resource) AS stale,
  STRING_AGG(CASE status WHEN 'partial' THEN resource END, ', ' ORDER BY resource) AS partial,
  MAX(CASE WHEN status <> 'off' THEN read_age_seconds END) AS oldest_reading_age_seconds,
  MIN(CASE WHEN status NOT IN ('ok', 'off') THEN message END) AS example
FROM ${coverage}
GROUP BY project_id, location, cluster
HAVING SUM(CASE WHEN status NOT IN ('ok', 'off') THEN 1 ELSE 0 END) > 0""",
    order="lists_ok, project_id, location, cluster",
    limit=100,
    empty="None: each cluster and each project's list was read to its end.",
)

DAYS = Table(
    name="days",
    title="Lists that were read on each day",
    sql="""\
SELECT
  day,
  SUM(clusters_ok) AS ok,
  SUM(clusters_partial) AS partial,
  SUM(clusters_unread) AS never_read
FROM ${trust}
GROUP BY day""",
    order="day DESC",
    limit=14,
    note="One list for each resource of each cluster that is known to have existed on the day, in UTC. never_read: not "
    "read on that day.",
    bars=Bars(("ok", "partial", "never_read")),
)

SECTION = Section(
    name="coverage",
    title="Coverage",
    about="What was read, what was not and why, and how old is it? All numbers below are of what was read.",
    tables=(FIGURES, GAPS, RESOURCES, INCOMPLETE, DAYS),
    is_first=True,
)
