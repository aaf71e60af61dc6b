"""A section for each team, where the configuration has a column `team`: what it runs, where, and what it requests."""

from __future__ import annotations

from job.report.groups import Details, Facts, Kind

COLUMN = "team"
"""The column of the configuration (`columns`) that names a team in views of rows."""
_TEAM = f"COALESCE({COLUMN}, '(no team)')"
# sums are FLOAT64: two requests may exceed INT64, and the engines' NUMERIC differ
_MOST_DETAILS = 10  # rows of each small table of a team

TEAMS = Kind(
    name="team",
    title="Teams",
    about="One section for each team, by the column team of the configuration, from labels or annotations of pods.",
    key=1,
    members=Facts(
        "members",
        f"""\
SELECT
  {_TEAM} AS team,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster || '/' || namespace) AS namespaces,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster || '/' || namespace || '/' || workload_kind || '/'
    || workload_name) AS workloads,
  COUNT(*) AS pods,
  SUM(CASE WHEN ready IS NOT TRUE AND phase <> 'Succeeded' THEN 1 ELSE 0 END) AS pods_not_ready,
  SUM(cpu_request_millicores * 1e0) / 1000 AS cpu_requested_cores,
  SUM(memory_request_bytes * 1e0) AS memory_requested_bytes
FROM ${{pods}}
GROUP BY 1""",  # noqa: S608 (our own words)
    ),
    order="pods DESC, team",
    limit=200,
    facts=(),
    details=(
        Details(
            "namespaces",
            f"Namespaces with most pods (the first {_MOST_DETAILS})",
            f"""\
SELECT *
FROM (
  SELECT
    {_TEAM} AS team,
    project_id,
    location,
    cluster,
    namespace,
    COUNT(*) AS pods,
    SUM(cpu_request_millicores * 1e0) / 1000 AS cpu_requested_cores
  FROM ${{pods}}
  GROUP BY 1, 2, 3, 4, 5
) AS namespaces
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY team ORDER BY pods DESC, project_id, location, cluster, namespace)
  <= {_MOST_DETAILS}
ORDER BY team, pods DESC, project_id, location, cluster, namespace""",  # noqa: S608 (our own words)
        ),
    ),
    listed=(
        "clusters", "namespaces", "workloads", "pods", "pods_not_ready", "cpu_requested_cores", "memory_requested_bytes"
    ),
)  # fmt: skip
