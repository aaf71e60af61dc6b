"""The fleet at a glance: how many of what, where, in which version, and how full."""

from __future__ import annotations

from job.report.section import Bars, Section, Table

FIGURES = Table(
    name="fleet-figures",
    title="The fleet in numbers",
    is_figures=True,
    sql="""\
SELECT
  COUNT(*) AS clusters,
  SUM(nodes) AS nodes,
  SUM(pods) AS pods,
  (
    SELECT CASE WHEN COUNT(*) > 0 THEN (SELECT COUNT(*) FROM ${workloads}) END
    FROM ${coverage}
    WHERE read_snapshot_id IS NOT NULL
      AND resource IN ('cronjobs', 'daemonsets', 'deployments', 'jobs', 'statefulsets')
  ) AS workloads,
  SUM(cpu_allocatable_millicores) / 1000 AS cpu_allocatable_cores,
  100 * SUM(CASE WHEN cpu_requested <= 10 THEN cpu_request_millicores END)
    / NULLIF(SUM(CASE WHEN cpu_requested <= 10 THEN cpu_allocatable_millicores END), 0) AS cpu_requested_percent,
  SUM(memory_allocatable_bytes) AS memory_allocatable_bytes,
  100 * SUM(CASE WHEN memory_requested <= 10 THEN memory_request_bytes END)
    / NULLIF(SUM(CASE WHEN memory_requested <= 10 THEN memory_allocatable_bytes END), 0) AS memory_requested_percent,
  SUM(CASE WHEN cpu_requested > 10 OR memory_requested > 10 THEN 1 ELSE 0 END)
    AS clusters_requesting_over_ten_times_their_nodes,
  SUM(CASE WHEN nodes IS NULL THEN 1 ELSE 0 END) AS clusters_with_unknown_nodes,
  SUM(CASE WHEN pods IS NULL THEN 1 ELSE 0 END) AS clusters_with_unknown_pods,
  COUNT(*) - (
    SELECT COUNT(*)
    FROM (
      SELECT project_id, location, cluster
      FROM ${coverage}
      WHERE read_snapshot_id IS NOT NULL
        AND resource IN ('cronjobs', 'daemonsets', 'deployments', 'jobs', 'statefulsets')
      GROUP BY project_id, location, cluster
    )
  ) AS clusters_with_unknown_workloads
FROM ${capacity_by_cluster}""",
    note="Pods that have succeeded or failed are not counted. The shares are of the clusters whose nodes and pods are "
    "both known, and whose pods request at most ten times what the nodes have: one absurd request would hide all "
    "others.",
)


def _clusters_by(name: str, title: str, column: str, expression: str, note: str = "") -> Table:
    return Table(
        name=name,
        title=title,
        sql=f"SELECT {expression} AS {column}, COUNT(*) AS clusters FROM ${{clusters}} GROUP BY 1",  # noqa: S608 (our own)
        order=f"clusters DESC, {column}",
        limit=30,
        note=note,
        bars=Bars(("clusters",)),
    )


SECTION = Section(
    name="fleet",
    title="The fleet at a glance",
    about="How many clusters, nodes, pods and workloads are there, where, in which versions, and how full are they?",
    is_first=True,
    tables=(
        FIGURES,
        _clusters_by(
            "minor-versions",
            "Clusters by minor version of the control plane",
            "minor_version",
            "NULLIF(REGEXP_EXTRACT(control_plane_version, '^[0-9]+[.][0-9]+'), '')",
        ),
        _clusters_by(
            "channels",
            "Clusters by release channel",
            "release_channel",
            "COALESCE(release_channel, 'no channel')",
        ),
        _clusters_by("locations", "Clusters by region or zone", "location", "location"),
        _clusters_by(
            "modes",
            "Clusters by mode",
            "mode",
            "CASE WHEN cluster_type IS NOT NULL THEN 'Attached' WHEN autopilot THEN 'Autopilot' ELSE 'Standard' END",
        ),
        Table(
            name="machine-types",
            title="Nodes by machine type",
            sql="""\
SELECT
  machine_type,
  COUNT(*) AS nodes,
  SUM(CASE WHEN spot THEN 1 ELSE 0 END) AS spot_nodes,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${nodes}
GROUP BY machine_type""",
            order="nodes DESC, machine_type",
            limit=20,
            bars=Bars(("nodes",)),
        ),
        Table(
            name="workload-kinds",
            title="Workloads by kind",
            sql="""\
SELECT
  kind,
  COUNT(*) AS workloads,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${workloads}
GROUP BY kind""",
            order="workloads DESC, kind",
            limit=20,
            bars=Bars(("workloads",)),
        ),
        Table(
            name="pod-phases",
            title="Pods by phase",
            sql="SELECT phase, COUNT(*) AS pods FROM ${pods} GROUP BY phase",
            order="pods DESC, phase",
            limit=10,
            bars=Bars(("pods",)),
        ),
        Table(
            name="capacity",
            title="CPU requested, of what the nodes of each cluster can allocate",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  nodes,
  pods,
  pods_unscheduled,
  cpu_request_millicores / 1000 AS cpu_requested_cores,
  cpu_allocatable_millicores / 1000 AS cpu_allocatable_cores,
  100 * cpu_requested AS cpu_requested_percent,
  100 * memory_requested AS memory_requested_percent
FROM ${capacity_by_cluster}
WHERE cpu_requested IS NOT NULL""",
            order="cpu_requested_percent DESC, project_id, location, cluster",
            limit=25,
            note="Clusters whose nodes or pods are unknown are left out.",
            bars=Bars(("cpu_requested_percent",), whole=100),
        ),
        Table(
            name="namespaces",
            title="Namespaces that request most CPU",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  namespace,
  pods,
  pods_unscheduled,
  cpu_request_millicores / 1000 AS cpu_requested_cores,
  memory_request_bytes AS memory_requested_bytes
FROM ${capacity_by_namespace}""",
            order="cpu_requested_cores DESC, project_id, location, cluster, namespace",
            limit=25,
            bars=Bars(("cpu_requested_cores",)),
        ),
    ),
)
