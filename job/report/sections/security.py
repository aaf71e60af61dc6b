"""Which rules of the Pod Security Standards workloads break, and which containers lack requests and limits."""

from __future__ import annotations

from job.report.section import Bars, Section, Table

SECTION = Section(
    name="security",
    title="Security and limits",
    about="Which rules of the Pod Security Standards do workloads break, and which containers lack a request or limit?",
    tables=(
        Table(
            name="rules",
            title="Workloads that break a rule of the Pod Security Standards",
            sql="""\
SELECT
  severity,
  level,
  rule,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster || '/' || namespace || '/' || workload_kind || '/'
    || workload_name) AS workloads,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${privileged}
GROUP BY severity, level, rule""",
            order="CASE severity WHEN 'critical' THEN 1 WHEN 'high' THEN 2 WHEN 'medium' THEN 3 ELSE 4 END, "
            "workloads DESC, rule",
            note="critical: it owns the node. high: it reaches into the node. medium: it weakens the isolation from "
            "the node. low: it is what the standard restricted forbids, which most workloads break.",
            bars=Bars(("workloads",)),
        ),
        Table(
            name="exposed-workloads",
            title="Workloads of severity critical or high",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  workload_kind,
  workload_name,
  MIN(severity) AS severity,
  STRING_AGG(DISTINCT rule, ', ' ORDER BY rule) AS rules,
  MAX(pods) AS pods
FROM ${privileged}
WHERE severity IN ('critical', 'high')
GROUP BY project_id, location, cluster, namespace, workload_kind, workload_name""",
            order="severity, project_id, location, cluster, namespace, workload_kind, workload_name",
            limit=100,
            note="pods: how many running pods break a rule; 0 where none runs and the template would.",
        ),
        Table(
            name="missing-limits",
            title="Containers by the requests and limits that they lack",
            sql="""\
SELECT
  ARRAY_TO_STRING(missing, ', ') AS missing,
  COUNT(*) AS containers,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${without_limits}
GROUP BY 1""",
            order="containers DESC, missing",
            limit=20,
            note="A container of a workload counts once, however many pods run it.",
            bars=Bars(("containers",)),
        ),
        Table(
            name="namespaces-without-memory-limits",
            title="Namespaces with most containers without a memory limit",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  COUNT(*) AS containers,
  COUNT(DISTINCT workload_kind || '/' || workload_name) AS workloads
FROM ${without_limits}
WHERE ARRAY_TO_STRING(missing, ' ') LIKE '%memory_limit%'
GROUP BY project_id, location, cluster, namespace""",
            order="containers DESC, project_id, location, cluster, namespace",
            limit=25,
            bars=Bars(("containers",)),
        ),
    ),
)
