-- How much of the nodes' allocatable CPU and memory do pods request?
-- Each row sums one level: a cluster, a node pool of it or a namespace of it. Always filter on level. Pods that have
-- succeeded or failed reserve nothing and are not counted. A node pool without nodes and pods has no row.
-- Scans what latest_nodes and latest_pods scan.
--
-- SELECT cluster, cpu_request_millicores / NULLIF(cpu_allocatable_millicores, 0) AS requested FROM capacity WHERE level = 'cluster'
--
-- level STRING: What the row sums: `cluster`, `node_pool` or `namespace`.
-- project_id, location, cluster FROM latest_snapshots
-- node_pool STRING: Node pool, at level `node_pool`. NULL for nodes in no pool, and for pods on no node or on a node
--   that was not read.
-- namespace STRING: Namespace, at level `namespace`.
-- nodes INT64: Number of nodes. NULL for a namespace, and where nodes were never read.
-- cpu_allocatable_millicores NUMERIC: CPU of the nodes that pods may request, in thousandths of a core. NULL without
--   nodes. This and the other sums are NUMERIC: anybody may request an amount of which two exceed INT64.
-- memory_allocatable_bytes NUMERIC: Memory of the nodes that pods may request, in bytes. NULL without nodes.
-- pods_allocatable NUMERIC: Maximum number of pods on the nodes. NULL without nodes.
-- pods INT64: Number of pods that reserve resources. NULL where pods were never read.
-- pods_unscheduled INT64: How many of the pods are on no node yet. NULL where pods were never read.
-- cpu_request_millicores NUMERIC: CPU that the pods request, in thousandths of a core. NULL where pods were never read.
-- memory_request_bytes NUMERIC: Memory that the pods request, in bytes. NULL where pods were never read.
-- cpu_limit_millicores NUMERIC: Sum of the CPU limits, in thousandths of a core, of the pods that have one. NULL where
--   no pod has one.
-- memory_limit_bytes NUMERIC: Sum of the memory limits, in bytes, of the pods that have one. NULL where no pod has one.
-- pods_without_cpu_limit INT64: How many of the pods have no CPU limit. NULL where pods were never read.
-- pods_without_memory_limit INT64: How many of the pods have no memory limit. NULL where pods were never read.
-- pods_unparsed INT64: How many of the pods have a request or limit that is in none of these sums, because it is no
--   valid quantity or exceeds 64 bits: see unparsed_quantities of pods. NULL where pods were never read.
-- nodes_age_seconds INT64: Seconds since the nodes were last read. NULL where they were never read.
-- nodes_carried_forward BOOL: True if the nodes are from an older snapshot than the cluster's newest.
-- pods_age_seconds INT64: Seconds since the pods were last read. NULL where they were never read.
-- pods_carried_forward BOOL: True if the pods are from an older snapshot than the cluster's newest.

WITH
  read AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      MAX(IF(c.resource = 'nodes', c.read_age_seconds, NULL)) AS nodes_age_seconds,
      LOGICAL_OR(IF(c.resource = 'nodes', c.read_snapshot_id <> c.snapshot_id, NULL)) AS nodes_carried_forward,
      MAX(IF(c.resource = 'pods', c.read_age_seconds, NULL)) AS pods_age_seconds,
      LOGICAL_OR(IF(c.resource = 'pods', c.read_snapshot_id <> c.snapshot_id, NULL)) AS pods_carried_forward
    FROM ${dataset}.latest_snapshots AS n
    LEFT JOIN ${dataset}.coverage AS c
      ON c.project_id = n.project_id AND c.location = n.location AND c.cluster = n.cluster
    GROUP BY 1, 2, 3
  ),
  amounts AS (
    -- a cluster that was never read has a row too
    SELECT
      project_id,
      location,
      cluster,
      CAST(NULL AS STRING) AS node_pool,
      CAST(NULL AS STRING) AS namespace,
      0 AS nodes,
      CAST(NULL AS INT64) AS cpu_allocatable_millicores,
      CAST(NULL AS INT64) AS memory_allocatable_bytes,
      CAST(NULL AS INT64) AS pods_allocatable,
      0 AS pods,
      0 AS pods_unscheduled,
      CAST(NULL AS INT64) AS cpu_request_millicores,
      CAST(NULL AS INT64) AS memory_request_bytes,
      CAST(NULL AS INT64) AS cpu_limit_millicores,
      CAST(NULL AS INT64) AS memory_limit_bytes,
      CAST(NULL AS BOOL) AS has_cpu_limit,
      CAST(NULL AS BOOL) AS has_memory_limit,
      CAST(NULL AS BOOL) AS is_unparsed
    FROM read
    UNION ALL
    SELECT
      project_id,
      location,
      cluster,
      node_pool,
      NULL,
      1,
      cpu_allocatable_millicores,
      memory_allocatable_bytes,
      pods_allocatable,
      0,
      0,
      NULL,
      NULL,
      NULL,
      NULL,
      NULL,
      NULL,
      NULL
    FROM ${dataset}.latest_nodes
    UNION ALL
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      n.node_pool,
      p.namespace,
      0,
      NULL,
      NULL,
      NULL,
      1,
      IF(p.node IS NULL, 1, 0),
      p.cpu_request_millicores,
      p.memory_request_bytes,
      p.cpu_limit_millicores,
      p.memory_limit_bytes,
      -- a limit that could not be parsed is not missing
      p.cpu_limit_millicores IS NOT NULL OR 'limits.cpu' IN UNNEST(p.unparsed_quantities),
      p.memory_limit_bytes IS NOT NULL OR 'limits.memory' IN UNNEST(p.unparsed_quantities),
      COALESCE(ARRAY_LENGTH(p.unparsed_quantities), 0) > 0
    FROM ${dataset}.latest_pods AS p
    LEFT JOIN ${dataset}.latest_nodes AS n
      ON n.project_id = p.project_id AND n.location = p.location AND n.cluster = p.cluster AND n.name = p.node
    WHERE COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
  ),
  sums AS (
    SELECT
      level,
      project_id,
      location,
      cluster,
      IF(level = 'node_pool', node_pool, NULL) AS node_pool,
      IF(level = 'namespace', namespace, NULL) AS namespace,
      SUM(nodes) AS nodes,
      SUM(CAST(cpu_allocatable_millicores AS NUMERIC(29))) AS cpu_allocatable_millicores,
      SUM(CAST(memory_allocatable_bytes AS NUMERIC(29))) AS memory_allocatable_bytes,
      SUM(CAST(pods_allocatable AS NUMERIC(29))) AS pods_allocatable,
      SUM(pods) AS pods,
      SUM(pods_unscheduled) AS pods_unscheduled,
      COALESCE(SUM(CAST(cpu_request_millicores AS NUMERIC(29))), 0) AS cpu_request_millicores,
      COALESCE(SUM(CAST(memory_request_bytes AS NUMERIC(29))), 0) AS memory_request_bytes,
      SUM(CAST(cpu_limit_millicores AS NUMERIC(29))) AS cpu_limit_millicores,
      SUM(CAST(memory_limit_bytes AS NUMERIC(29))) AS memory_limit_bytes,
      SUM(pods) - COUNT(IF(has_cpu_limit, 1, NULL)) AS pods_without_cpu_limit,
      SUM(pods) - COUNT(IF(has_memory_limit, 1, NULL)) AS pods_without_memory_limit,
      COUNT(IF(is_unparsed, 1, NULL)) AS pods_unparsed
    FROM amounts
    CROSS JOIN UNNEST(['cluster', 'node_pool', 'namespace']) AS level
    WHERE level = 'cluster' OR pods = 1 OR (level = 'node_pool' AND nodes = 1)
    GROUP BY 1, 2, 3, 4, 5, 6
  )
SELECT
  s.level,
  s.project_id,
  s.location,
  s.cluster,
  s.node_pool,
  s.namespace,
  IF(s.level = 'namespace' OR r.nodes_age_seconds IS NULL, NULL, s.nodes) AS nodes,
  s.cpu_allocatable_millicores,
  s.memory_allocatable_bytes,
  s.pods_allocatable,
  IF(r.pods_age_seconds IS NULL, NULL, s.pods) AS pods,
  IF(r.pods_age_seconds IS NULL, NULL, s.pods_unscheduled) AS pods_unscheduled,
  IF(r.pods_age_seconds IS NULL, NULL, s.cpu_request_millicores) AS cpu_request_millicores,
  IF(r.pods_age_seconds IS NULL, NULL, s.memory_request_bytes) AS memory_request_bytes,
  s.cpu_limit_millicores,
  s.memory_limit_bytes,
  IF(r.pods_age_seconds IS NULL, NULL, s.pods_without_cpu_limit) AS pods_without_cpu_limit,
  IF(r.pods_age_seconds IS NULL, NULL, s.pods_without_memory_limit) AS pods_without_memory_limit,
  IF(r.pods_age_seconds IS NULL, NULL, s.pods_unparsed) AS pods_unparsed,
  r.nodes_age_seconds,
  r.nodes_carried_forward,
  r.pods_age_seconds,
  r.pods_carried_forward
FROM sums AS s
JOIN read AS r ON r.project_id = s.project_id AND r.location = s.location AND r.cluster = s.cluster
