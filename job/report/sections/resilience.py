"""What one failure stops, and what holds up a drain."""

from __future__ import annotations

from job.report.section import Section, Table

SECTION = Section(
    name="resilience",
    title="Failures and drains",
    about="Which workloads stop when a node or zone fails, and what holds up a drain or is lost by it?",
    tables=(
        Table(
            name="single-points",
            title="Single points of failure",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  kind,
  name,
  MIN(confidence) AS confidence,
  STRING_AGG(finding, ', ' ORDER BY finding) AS findings,
  MAX(replicas_wanted) AS replicas_wanted,
  MAX(ready_pods) AS ready_pods
FROM ${single_points_of_failure}
GROUP BY project_id, location, cluster, namespace, kind, name""",
            order="confidence, project_id, location, cluster, namespace, kind, name",
            note="certain: it stops. likely: no budget, if nodes are drained at the same time. possible: no spread: "
            "the scheduler prefers to spread pods, and need not.",
        ),
        Table(
            name="drains",
            title="What holds up a drain, or is lost by it",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  node_pool,
  namespace,
  effect,
  reason,
  COUNT(DISTINCT pod_uid) AS pods,
  MIN(evidence) AS example
FROM ${drain_blockers}
WHERE effect <> 'none'
GROUP BY project_id, location, cluster, node_pool, namespace, effect, reason""",
            order="CASE effect WHEN 'blocks' THEN 1 WHEN 'delays' THEN 2 WHEN 'strands' THEN 3 ELSE 4 END, pods DESC, "
            "project_id, location, cluster, node_pool, namespace, reason",
        ),
    ),
)
