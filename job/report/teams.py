"""A section for each team that owns something: what it runs, where, and what it requests."""

from __future__ import annotations

from job.report.groups import Details, Facts, Kind

_TEAM = """\
CASE
    WHEN confidence IN ('certain', 'likely') THEN team
    WHEN ARRAY_LENGTH(not_read) > 0 THEN '(unknown)'
    ELSE '(no team)'
  END"""
# sums are FLOAT64: two requests may exceed INT64, and the engines' NUMERIC differ
_MOST_DETAILS = 10  # rows of each small table of a team

TEAMS = Kind(
    name="team",
    title="Teams",
    about="One section for each team that owns workloads, by the labels and annotations of workloads, of their pods or "
    "of their namespaces, as the view ownership has it. (unknown): what may say it was not read.",
    key=1,
    members=Facts(
        "members",
        f"""\
SELECT
  {_TEAM} AS owned_by,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster || '/' || namespace) AS namespaces,
  COUNT(*) AS workloads,
  SUM(pods) AS pods,
  SUM(pods - ready_pods) AS pods_not_ready,
  SUM(cpu_request_millicores * 1e0) / 1000 AS cpu_requested_cores,
  SUM(memory_request_bytes * 1e0) AS memory_requested_bytes
FROM ${{ownership}}
GROUP BY 1""",  # noqa: S608 (our own words)
    ),
    order="pods DESC, owned_by",
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
    {_TEAM} AS owned_by,
    project_id,
    location,
    cluster,
    namespace,
    SUM(pods) AS pods,
    SUM(cpu_request_millicores * 1e0) / 1000 AS cpu_requested_cores
  FROM ${{ownership}}
  GROUP BY 1, 2, 3, 4, 5
) AS namespaces
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY owned_by ORDER BY pods DESC, project_id, location, cluster, namespace)
  <= {_MOST_DETAILS}
ORDER BY owned_by, pods DESC, project_id, location, cluster, namespace""",  # noqa: S608 (our own words)
        ),
    ),
    listed=(
        "clusters", "namespaces", "workloads", "pods", "pods_not_ready", "cpu_requested_cores", "memory_requested_bytes"
    ),
)  # fmt: skip
