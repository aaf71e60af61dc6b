"""What changed: between the last two readings of each resource or, in a comparison, between two moments."""

from __future__ import annotations

from job.report.section import Bars, Section, Table

CHANGES = (
    Table(
        name="changes-by-kind",
        title="Changes by kind and field",
        sql="""\
SELECT
  kind,
  change,
  field,
  COUNT(*) AS changes,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${changes}
GROUP BY kind, change, field""",
        order="changes DESC, kind, change, field",
        limit=30,
        empty="Nothing changed. What was read only once, or not again, shows no change.",
        bars=Bars(("changes",)),
    ),
    Table(
        name="changes-by-cluster",
        title="Changes by cluster",
        sql="""\
SELECT
  project_id,
  location,
  cluster,
  COUNT(*) AS changes,
  MIN(seen_after) AS seen_after,
  MAX(seen_before) AS seen_before
FROM ${changes}
GROUP BY project_id, location, cluster""",
        order="changes DESC, project_id, location, cluster",
        limit=30,
        note="The changes lie between the two times, those of the readings.",
        bars=Bars(("changes",)),
    ),
    Table(
        name="change-list",
        title="Each change",
        sql="""\
SELECT project_id, location, cluster, namespace, kind, name, container, change, field, old_value, new_value
FROM ${changes}""",
        order="project_id, location, cluster, namespace, kind, name, container, field, change, old_value, new_value",
        limit=200,
    ),
)

SECTION = Section(
    name="changes",
    title="Changes",
    about="What changed in each cluster between the last two readings of each resource? What could not be read shows "
    "no change.",
    tables=CHANGES,
)
