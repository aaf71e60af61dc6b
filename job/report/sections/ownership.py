"""Who owns what runs: the share that has a known owner, what says so, and what is left without one."""

from __future__ import annotations

from job.report.section import Bars, Section, Table

SECTION = Section(
    name="ownership",
    title="Ownership",
    about="What share of what runs has a known owner, what says so, and what has none? Without system namespaces.",
    tables=(
        Table(
            name="owned-shares",
            title="Share with a known owner, by cluster",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  workloads,
  workloads_none,
  workloads_unknown,
  workloads_owned_share,
  pods_owned_share,
  cpu_request_owned_share,
  memory_request_owned_share
FROM ${ownership_by_cluster}""",
            order="workloads_owned_share, project_id, location, cluster",
            note="workloads_unknown: they, their pods or their namespace were not read, and may name an owner.",
            bars=Bars(("workloads_owned_share",), whole=1),
        ),
        Table(
            name="evidence-of-owners",
            title="What says who owns a workload",
            sql="""\
SELECT
  confidence,
  COALESCE(evidence, '(nothing)') AS evidence,
  COUNT(*) AS workloads,
  COUNT(DISTINCT team) AS teams,
  SUM(pods) AS pods
FROM ${ownership}
WHERE NOT is_system
GROUP BY 1, 2""",
            order="workloads DESC, confidence, evidence",
            note="certain: the workload or its pods say it. likely: its namespace does. possible: the name of an "
            "application, a release, a field manager or an image's path may stand for a team.",
            bars=Bars(("workloads",)),
        ),
        Table(
            name="managed-by",
            title="What puts workloads in place",
            sql="""\
SELECT
  COALESCE(managed_by, '(not known)') AS managed_by,
  COUNT(*) AS workloads,
  COUNT(DISTINCT managed_by_name) AS names,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${ownership}
WHERE NOT is_system
GROUP BY 1""",
            order="workloads DESC, managed_by",
            bars=Bars(("workloads",)),
        ),
        Table(
            name="without-owner",
            title="Workloads without a known owner that request most CPU",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  kind,
  name,
  confidence,
  team AS possible_owner,
  managed_by,
  pods,
  cpu_request_millicores * 1e0 / 1000 AS cpu_requested_cores
FROM ${ownership}
WHERE NOT is_system AND confidence IN ('possible', 'none', 'unknown')""",
            order="cpu_requested_cores DESC, project_id, location, cluster, namespace, kind, name",
            limit=30,
        ),
    ),
)
