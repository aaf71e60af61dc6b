-- How much of its nodes' allocatable CPU and memory do the pods of each cluster request?
-- One row for each cluster, also of one that was never read. Pods that have succeeded or failed reserve nothing and are
-- not counted.
-- Scans what nodes, pods and coverage scan.
--
-- SELECT cluster, cpu_requested, memory_requested FROM capacity_by_cluster ORDER BY cpu_requested DESC
--
-- project_id, location, cluster FROM coverage
-- nodes INT64: Number of nodes. NULL where nodes were never read, or their rows have expired.
-- cpu_allocatable_millicores NUMERIC: CPU of the nodes that pods may request, in thousandths of a core. NULL without
--   nodes, or where one does not say it. This and the other sums are NUMERIC: anybody may request an amount of which two exceed INT64.
-- memory_allocatable_bytes NUMERIC: Memory of the nodes that pods may request, in bytes. NULL without nodes, or where one
--   does not say it.
-- pods_allocatable NUMERIC: Maximum number of pods on the nodes. NULL without nodes, or where one does not say it.
-- pods INT64: Number of pods that reserve resources. NULL where pods were never read, or their rows have expired.
-- pods_unscheduled INT64: How many of the pods are on no node yet. NULL where pods were never read, or their rows have expired.
-- cpu_request_millicores NUMERIC: CPU that the pods request, in thousandths of a core. NULL where pods were never read, or their rows have expired.
-- memory_request_bytes NUMERIC: Memory that the pods request, in bytes. NULL where pods were never read, or their rows have expired.
-- cpu_limit_millicores NUMERIC: Sum of the CPU limits, in thousandths of a core, of the pods that have one. NULL where
--   no pod has one.
-- memory_limit_bytes NUMERIC: Sum of the memory limits, in bytes, of the pods that have one. NULL where no pod has one.
-- pods_without_cpu_limit INT64: How many of the pods have no CPU limit. NULL where pods were never read, or their rows have expired.
-- pods_without_memory_limit INT64: How many of the pods have no memory limit. NULL where pods were never read, or their rows have expired.
-- pods_unparsed INT64: How many of the pods have a request or limit that is in none of these sums, because it is no
--   valid quantity or exceeds 64 bits: see unparsed_quantities of pods. NULL where pods were never read, or their rows have expired.
-- cpu_requested FLOAT64: Share of the allocatable CPU that the pods request. NULL unless the rows of both sides are known.
-- memory_requested FLOAT64: Share of the allocatable memory that the pods request. NULL unless the rows of both sides are known.
-- nodes_read_age_seconds INT64: Seconds since the nodes were last read. NULL where they were never read.
-- nodes_read_status STRING: `ok`, `partial`, `stale`, `off` or `never_read`, of the nodes.
-- pods_read_age_seconds INT64: Seconds since the pods were last read. NULL where they were never read.
-- pods_read_status STRING: `ok`, `partial`, `stale`, `off` or `never_read`, of the pods.

WITH
  known AS (
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      COALESCE(LOGICAL_OR(c.resource = 'nodes' AND c.read_snapshot_id IS NOT NULL), FALSE) AS nodes_shown,
      MAX(IF(c.resource = 'nodes', c.read_age_seconds, NULL)) AS nodes_read_age_seconds,
      COALESCE(MAX(IF(c.resource = 'nodes', c.status, NULL)), 'never_read') AS nodes_read_status,
      COALESCE(LOGICAL_OR(c.resource = 'pods' AND c.read_snapshot_id IS NOT NULL), FALSE) AS pods_shown,
      MAX(IF(c.resource = 'pods', c.read_age_seconds, NULL)) AS pods_read_age_seconds,
      COALESCE(MAX(IF(c.resource = 'pods', c.status, NULL)), 'never_read') AS pods_read_status
    FROM ${dataset}.coverage AS c
    -- a name in the configuration that no cluster has is no cluster
    WHERE c.cluster IS NOT NULL AND NOT (c.resource = '*' AND c.outcome = 'not_found')
    GROUP BY 1, 2, 3
  ),
  node_sums AS (
    SELECT
      project_id,
      location,
      cluster,
      COUNT(*) AS nodes,
      IF(COUNT(cpu_allocatable_millicores) = COUNT(*), SUM(CAST(cpu_allocatable_millicores AS NUMERIC(29))), NULL) AS cpu_allocatable_millicores,
      IF(COUNT(memory_allocatable_bytes) = COUNT(*), SUM(CAST(memory_allocatable_bytes AS NUMERIC(29))), NULL) AS memory_allocatable_bytes,
      IF(COUNT(pods_allocatable) = COUNT(*), SUM(CAST(pods_allocatable AS NUMERIC(29))), NULL) AS pods_allocatable
    FROM ${dataset}.nodes
    GROUP BY 1, 2, 3
  ),
  pod_sums AS (
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      COUNT(*) AS pods,
      COUNTIF(p.node IS NULL) AS pods_unscheduled,
      COALESCE(SUM(CAST(p.cpu_request_millicores AS NUMERIC(29))), 0) AS cpu_request_millicores,
      COALESCE(SUM(CAST(p.memory_request_bytes AS NUMERIC(29))), 0) AS memory_request_bytes,
      SUM(CAST(p.cpu_limit_millicores AS NUMERIC(29))) AS cpu_limit_millicores,
      SUM(CAST(p.memory_limit_bytes AS NUMERIC(29))) AS memory_limit_bytes,
      -- a limit that could not be parsed is not missing
      COUNTIF(p.cpu_limit_millicores IS NULL AND 'limits.cpu' NOT IN UNNEST(p.unparsed_quantities)) AS pods_without_cpu_limit,
      COUNTIF(p.memory_limit_bytes IS NULL AND 'limits.memory' NOT IN UNNEST(p.unparsed_quantities))
        AS pods_without_memory_limit,
      COUNTIF(ARRAY_LENGTH(p.unparsed_quantities) > 0) AS pods_unparsed
    FROM ${dataset}.pods AS p
    WHERE COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
    GROUP BY 1, 2, 3
  )
SELECT
  k.project_id,
  k.location,
  k.cluster,
  IF(NOT k.nodes_shown, NULL, COALESCE(n.nodes, 0)) AS nodes,
  n.cpu_allocatable_millicores,
  n.memory_allocatable_bytes,
  n.pods_allocatable,
  IF(NOT k.pods_shown, NULL, COALESCE(p.pods, 0)) AS pods,
  IF(NOT k.pods_shown, NULL, COALESCE(p.pods_unscheduled, 0)) AS pods_unscheduled,
  IF(NOT k.pods_shown, NULL, COALESCE(p.cpu_request_millicores, 0)) AS cpu_request_millicores,
  IF(NOT k.pods_shown, NULL, COALESCE(p.memory_request_bytes, 0)) AS memory_request_bytes,
  p.cpu_limit_millicores,
  p.memory_limit_bytes,
  IF(NOT k.pods_shown, NULL, COALESCE(p.pods_without_cpu_limit, 0)) AS pods_without_cpu_limit,
  IF(NOT k.pods_shown, NULL, COALESCE(p.pods_without_memory_limit, 0)) AS pods_without_memory_limit,
  IF(NOT k.pods_shown, NULL, COALESCE(p.pods_unparsed, 0)) AS pods_unparsed,
  IF(
    NOT k.pods_shown,
    NULL,
    CAST(COALESCE(p.cpu_request_millicores, 0) AS FLOAT64) / CAST(NULLIF(n.cpu_allocatable_millicores, 0) AS FLOAT64)
  ) AS cpu_requested,
  IF(
    NOT k.pods_shown,
    NULL,
    CAST(COALESCE(p.memory_request_bytes, 0) AS FLOAT64) / CAST(NULLIF(n.memory_allocatable_bytes, 0) AS FLOAT64)
  ) AS memory_requested,
  k.nodes_read_age_seconds,
  k.nodes_read_status,
  k.pods_read_age_seconds,
  k.pods_read_status
FROM known AS k
LEFT JOIN node_sums AS n ON n.project_id = k.project_id AND n.location = k.location AND n.cluster = k.cluster
LEFT JOIN pod_sums AS p ON p.project_id = k.project_id AND p.location = k.location AND p.cluster = k.cluster
