"""What needs somebody now: rollouts, restarts, nodes and pods that are not ready, pods without a controller."""

from __future__ import annotations

from job.report.section import Section, Table

SECTION = Section(
    name="trouble",
    title="Trouble now",
    about="What does not progress, restarts, is not ready, or has no owner?",
    tables=(
        Table(
            name="rollouts-stuck",
            title="Rollouts that do not progress",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  kind,
  name,
  reason,
  since,
  replicas_wanted,
  replicas_not_updated,
  replicas_not_available
FROM ${rollouts_stuck}""",
            order="since, project_id, location, cluster, namespace, kind, name",
        ),
        Table(
            name="restarts",
            title="Containers that restarted between the last two readings",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  workload_kind,
  workload_name,
  pod,
  container,
  restarts_since,
  restarts_total,
  last_state_reason,
  last_exit_code
FROM ${restarts}""",
            order="restarts_since DESC, project_id, location, cluster, namespace, pod, container",
            empty="None; a cluster whose pods were read only once shows none either.",
        ),
        Table(
            name="nodes-not-ready",
            title="Nodes that are not ready",
            sql="""\
SELECT project_id, location, cluster, node_pool, name, ready, unschedulable AS cordoned, kubelet_version, created_at
FROM ${nodes}
WHERE ready IS NOT TRUE""",
            order="project_id, location, cluster, name",
        ),
        Table(
            name="pods-not-ready",
            title="Pods that are not ready, by workload and status",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  workload_kind,
  workload_name,
  status,
  COUNT(*) AS pods,
  SUM(restarts) AS restarts_total
FROM ${pods}
WHERE ready IS NOT TRUE AND phase <> 'Succeeded'
GROUP BY project_id, location, cluster, namespace, workload_kind, workload_name, status""",
            order="pods DESC, project_id, location, cluster, namespace, workload_kind, workload_name, status",
        ),
        Table(
            name="unowned-pods",
            title="Pods without a controller, or with one that could not be found",
            sql="""\
SELECT project_id, location, cluster, namespace, reason, owner_kind, COUNT(*) AS pods, MIN(name) AS example
FROM ${unowned_pods}
GROUP BY project_id, location, cluster, namespace, reason, owner_kind""",
            order="pods DESC, project_id, location, cluster, namespace, reason, owner_kind",
            note="uncontrolled: nothing controls the pod. not_found: its controller is not in its list. not_read: that "
            "list could not be read.",
        ),
    ),
)
