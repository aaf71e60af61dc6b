"""A section for each cluster: what is known of it, what was not read, its node pools and largest namespaces."""

from __future__ import annotations

from job.report.groups import READ, Details, Facts, Kind

_KEY = "project_id, location, cluster"
_MOST_DETAILS = 5  # rows of each small table of a cluster


def _counted(name: str, view: str, counts: str, where: str = "TRUE", count: str = "COUNT(*)") -> Facts:
    sql = f"SELECT {_KEY}, {count} AS {name} FROM ${{{view}}} WHERE {where} GROUP BY {_KEY}"  # noqa: S608 (our own words)
    return Facts(name, sql, counts)


def _between_readings(name: str, view: str) -> Facts:
    """Counts what two readings show: unknown, not 0, where the pods were read once."""
    sql = f"""\
SELECT l.project_id, l.location, l.cluster, COUNT(c.snapshot_id) AS {name}
FROM ${{last_two_readings}} AS l
LEFT JOIN ${{{view}}} AS c
  ON c.project_id = l.project_id AND c.location = l.location AND c.cluster = l.cluster
WHERE l.resource = 'pods'
GROUP BY 1, 2, 3"""  # noqa: S608 (our own words)
    return Facts(name, sql)


_WORKLOADS = "COUNT(DISTINCT namespace || '/' || workload_kind || '/' || workload_name)"

CLUSTERS = Kind(
    name="cluster",
    title="Clusters",
    about="One section for each cluster. A count is 0 only where its list was read.",
    key=3,
    members=Facts(
        "members",
        f"""\
SELECT
  {_KEY},
  SUM(CASE WHEN status IN ('ok', 'off') THEN 0 ELSE 1 END) AS lists_with_gaps,
  MAX(CASE WHEN status <> 'off' THEN read_age_seconds END) AS oldest_reading_age_seconds,
  STRING_AGG(CASE WHEN read_at IS NOT NULL THEN resource END, ',' ORDER BY resource) AS {READ}
FROM ${{coverage}}
WHERE cluster IS NOT NULL
GROUP BY {_KEY}""",  # noqa: S608 (our own words)
    ),
    order=f"lists_with_gaps DESC, {_KEY}",
    limit=1000,
    facts=(
        Facts(
            "clusters",
            f"""\
SELECT
  {_KEY},
  status,
  control_plane_version,
  COALESCE(release_channel, 'no channel') AS release_channel,
  CASE WHEN cluster_type IS NOT NULL THEN 'Attached' WHEN autopilot THEN 'Autopilot' ELSE 'Standard' END AS mode,
  created_at
FROM ${{clusters}}""",  # noqa: S608 (our own words)
        ),
        Facts(
            "capacity",
            f"""\
SELECT
  {_KEY},
  nodes,
  pods,
  pods_unscheduled,
  cpu_allocatable_millicores / 1000 AS cpu_allocatable_cores,
  100 * cpu_requested AS cpu_requested_percent,
  memory_allocatable_bytes,
  100 * memory_requested AS memory_requested_percent
FROM ${{capacity_by_cluster}}""",  # noqa: S608 (our own words)
        ),
        _counted("namespaces", "namespaces", "namespaces"),
        _counted("workloads", "workloads", "pods"),
        _counted("rollouts_stuck", "rollouts_stuck", "deployments"),
        _between_readings("containers_restarted", "restarts"),
        _counted("pods_not_ready", "pods", "pods", "ready IS NOT TRUE AND phase <> 'Succeeded'"),
        _counted("pods_without_controller", "unowned_pods", "pods"),
        _counted("workloads_critical_or_high", "privileged", "pods", "severity IN ('critical', 'high')", _WORKLOADS),
        _counted("containers_without_limits", "without_limits", "pods"),
        _between_readings("changes", "changes"),
    ),
    details=(
        Details(
            "gaps",
            "Not read in full",
            f"""\
SELECT
  {_KEY},
  status,
  outcome,
  reason,
  STRING_AGG(resource, ', ' ORDER BY resource) AS resources,
  MAX(read_age_seconds) AS oldest_reading_age_seconds,
  MIN(message) AS example
FROM ${{coverage}}
WHERE cluster IS NOT NULL AND status NOT IN ('ok', 'off')
GROUP BY {_KEY}, status, outcome, reason
QUALIFY ROW_NUMBER() OVER (PARTITION BY {_KEY} ORDER BY COUNT(*) DESC, status, outcome, COALESCE(reason, ''))
  <= {_MOST_DETAILS}
ORDER BY {_KEY}, COUNT(*) DESC, status, outcome, COALESCE(reason, '')""",  # noqa: S608 (our own words)
        ),
        Details(
            "node pools",
            f"Node pools (the first {_MOST_DETAILS})",
            f"""\
SELECT {_KEY}, node_pool, kubelet_version, nodes, minor_versions_behind
FROM ${{versions}}
WHERE node_pool IS NOT NULL OR nodes IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY {_KEY} ORDER BY nodes DESC, COALESCE(node_pool, ''), kubelet_version)
  <= {_MOST_DETAILS}
ORDER BY {_KEY}, nodes DESC, COALESCE(node_pool, ''), kubelet_version""",  # noqa: S608 (our own words)
        ),
        Details(
            "largest namespaces",
            f"Namespaces that request most CPU (the first {_MOST_DETAILS})",
            f"""\
SELECT
  {_KEY},
  namespace,
  pods,
  cpu_request_millicores / 1000 AS cpu_requested_cores,
  memory_request_bytes AS memory_requested_bytes
FROM ${{capacity_by_namespace}}
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY {_KEY} ORDER BY cpu_request_millicores DESC, namespace) <= {_MOST_DETAILS}
ORDER BY {_KEY}, cpu_request_millicores DESC, namespace""",  # noqa: S608 (our own words)
        ),
    ),
    listed=(
        "lists_with_gaps", "oldest_reading_age_seconds", "control_plane_version", "release_channel", "mode", "nodes",
        "pods", "workloads", "cpu_requested_percent", "memory_requested_percent",
    ),
)  # fmt: skip
