-- Which workloads stop when one node or zone fails or is drained?
-- One row for each workload and finding. Deployments, StatefulSets, ReplicaSets, and workloads of other kinds that
-- are known through their pods; not those that are scaled to zero. Where a custom resource owns a Deployment,
-- StatefulSet or ReplicaSet, the findings and the pods are in the row of the owned one, which has `replicas_wanted`;
-- pods of DaemonSets and Jobs count for none. Where nodes or budgets were never read, findings about them are
-- missing: see `coverage`. A pod counts as ready by its own condition.
-- Scans what workloads, pods, nodes and disruption_budgets scan.
--
-- SELECT cluster, namespace, kind, name, finding, evidence FROM single_points_of_failure WHERE confidence = 'certain'
--
-- project_id, location, cluster, namespace, kind, name FROM workloads
-- finding STRING: `one_replica`: it wants one. `one_node`: all of its ready pods, two or more, are on one node,
--   though the cluster has several ready ones. `one_zone`: likewise in one zone, on several nodes. `no_budget`: no
--   disruption budget selects any of its pods, and it has several. `no_spread`: it wants several, and its template
--   spreads them over neither zones nor nodes.
-- confidence STRING: Whether the failure or drain stops it. `certain`: `one_replica`, `one_node` and `one_zone`, as
--   things are. `likely`: `no_budget`, if nodes are drained at the same time. `possible`: `no_spread`: the scheduler
--   prefers to spread pods, and need not
--   (https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/).
-- evidence STRING: The values behind the finding.
-- replicas_wanted FROM workloads
-- ready_pods INT64: Number of its ready pods. NULL where pods were never read.
-- read_at FROM workloads
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row.
-- read_status STRING: `ok`; else the status of the reading of the workload or, if that is `ok`, of the pods, nodes or
--   budgets.

WITH
  readings AS (
    SELECT
      project_id,
      location,
      cluster,
      MAX(IF(resource = 'pods', 1, 0)) = 1 AS has_pods,
      MAX(IF(resource = 'poddisruptionbudgets', 1, 0)) = 1 AS has_budgets,
      COALESCE(MAX(IF(resource = 'pods', status, NULL)), 'ok') AS pods_status,
      COALESCE(MAX(IF(resource = 'nodes', status, NULL)), 'ok') AS nodes_status,
      COALESCE(MAX(IF(resource = 'poddisruptionbudgets', status, NULL)), 'ok') AS budgets_status,
      COALESCE(MAX(IF(resource = 'pods', read_age_seconds, NULL)), 0) AS pods_age_seconds,
      COALESCE(MAX(IF(resource = 'nodes', read_age_seconds, NULL)), 0) AS nodes_age_seconds,
      COALESCE(MAX(IF(resource = 'poddisruptionbudgets', read_age_seconds, NULL)), 0) AS budgets_age_seconds
    FROM ${dataset}.coverage
    WHERE read_snapshot_id IS NOT NULL AND cluster IS NOT NULL
    GROUP BY 1, 2, 3
  ),
  ready AS (
    SELECT
      project_id,
      location,
      cluster,
      namespace,
      uid,
      node,
      zone,
      workload_uid,
      owner_uid,
      middle_owner_uids,
      ARRAY(SELECT CONCAT(l.key, '=', l.value) FROM UNNEST(labels) AS l) AS label_pairs,
      ARRAY(SELECT l.key FROM UNNEST(labels) AS l) AS label_keys
    FROM ${dataset}.pods
    WHERE ready AND deleted_at IS NULL AND COALESCE(owner_kind, workload_kind) NOT IN ('DaemonSet', 'Node')
  ),
  budgeted AS (
    SELECT DISTINCT p.project_id, p.location, p.cluster, p.uid
    FROM ${dataset}.disruption_budgets AS b
    JOIN ready AS p
      ON p.project_id = b.project_id AND p.location = b.location AND p.cluster = b.cluster
      AND p.namespace = b.namespace
    WHERE
      (b.selects_all_pods OR ARRAY_LENGTH(b.selector) > 0 OR ARRAY_LENGTH(b.selector_expressions) > 0)
      AND ${selects.b.p}
  ),
  -- the topmost controller of each pod that has a table
  held AS (
    SELECT p.project_id, p.location, p.cluster, p.uid, w.uid AS workload_uid
    FROM (
      SELECT project_id, location, cluster, namespace, uid, workload_uid AS controller_uid, 1 AS position FROM ready
      UNION ALL
      SELECT project_id, location, cluster, namespace, uid, middle, 2
      FROM ready
      CROSS JOIN UNNEST(middle_owner_uids) AS middle
      UNION ALL
      SELECT project_id, location, cluster, namespace, uid, owner_uid, 3 FROM ready
    ) AS p
    JOIN ${dataset}.workloads AS w
      ON w.project_id = p.project_id AND w.location = p.location AND w.cluster = p.cluster
      AND w.namespace = p.namespace AND w.uid = p.controller_uid
    WHERE NOT w.known_through_pods
    QUALIFY ROW_NUMBER() OVER (PARTITION BY p.project_id, p.location, p.cluster, p.uid ORDER BY p.position, w.uid) = 1
  ),
  placed AS (
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      p.namespace,
      COALESCE(h.workload_uid, p.workload_uid) AS workload_uid,
      COUNT(*) AS pods,
      COUNT(DISTINCT p.node) AS nodes,
      COUNT(p.zone) AS zoned_pods,
      COUNT(DISTINCT p.zone) AS zones,
      MIN(p.node) AS node,
      MIN(p.zone) AS zone,
      COUNT(b.uid) AS budgeted_pods
    FROM ready AS p
    LEFT JOIN held AS h
      ON h.project_id = p.project_id AND h.location = p.location AND h.cluster = p.cluster AND h.uid = p.uid
    LEFT JOIN budgeted AS b
      ON b.project_id = p.project_id AND b.location = p.location AND b.cluster = p.cluster AND b.uid = p.uid
    GROUP BY 1, 2, 3, 4, 5
  ),
  room AS (
    SELECT project_id, location, cluster, COUNT(*) AS nodes, COUNT(DISTINCT zone) AS zones
    FROM ${dataset}.nodes
    WHERE ready
    GROUP BY 1, 2, 3
  )
SELECT
  w.project_id,
  w.location,
  w.cluster,
  w.namespace,
  w.kind,
  w.name,
  found.finding,
  found.confidence,
  found.evidence,
  w.replicas_wanted,
  IF(k.has_pods, COALESCE(p.pods, 0), NULL) AS ready_pods,
  w.read_at,
  GREATEST(w.read_age_seconds, k.pods_age_seconds, found.other_age_seconds) AS read_age_seconds,
  CASE
    WHEN w.read_status <> 'ok' THEN w.read_status
    WHEN k.pods_status <> 'ok' THEN k.pods_status
    ELSE found.other_status
  END AS read_status
FROM ${dataset}.workloads AS w
JOIN readings AS k
  ON k.project_id = w.project_id AND k.location = w.location AND k.cluster = w.cluster
LEFT JOIN placed AS p
  ON p.project_id = w.project_id AND p.location = w.location AND p.cluster = w.cluster
  AND p.namespace = w.namespace AND p.workload_uid = w.uid
LEFT JOIN room AS r
  ON r.project_id = w.project_id AND r.location = w.location AND r.cluster = w.cluster
CROSS JOIN UNNEST([
  STRUCT(
    'one_replica' AS finding,
    'certain' AS confidence,
    'replicas_wanted 1' AS evidence,
    w.replicas_wanted = 1 AS is_found,
    0 AS other_age_seconds,
    'ok' AS other_status
  ),
  STRUCT(
    'one_node' AS finding,
    'certain' AS confidence,
    CONCAT(CAST(p.pods AS STRING), ' pods on ', p.node) AS evidence,
    p.pods > 1 AND p.nodes = 1 AND r.nodes > 1 AS is_found,
    k.nodes_age_seconds AS other_age_seconds,
    k.nodes_status AS other_status
  ),
  STRUCT(
    'one_zone' AS finding,
    'certain' AS confidence,
    CONCAT(CAST(p.pods AS STRING), ' pods in ', p.zone) AS evidence,
    p.nodes > 1 AND p.zones = 1 AND p.zoned_pods = p.pods AND r.zones > 1 AS is_found,
    k.nodes_age_seconds AS other_age_seconds,
    k.nodes_status AS other_status
  ),
  STRUCT(
    'no_budget' AS finding,
    'likely' AS confidence,
    CONCAT(CAST(p.pods AS STRING), ' pods, no budget') AS evidence,
    k.has_budgets AND p.pods > 1 AND p.budgeted_pods = 0 AS is_found,
    k.budgets_age_seconds AS other_age_seconds,
    k.budgets_status AS other_status
  ),
  STRUCT(
    'no_spread' AS finding,
    'possible' AS confidence,
    CONCAT('spread_topology_keys: ', ARRAY_TO_STRING(w.spread_topology_keys, ', ')) AS evidence,
    w.replicas_wanted > 1
      AND 'topology.kubernetes.io/zone' NOT IN UNNEST(w.spread_topology_keys)
      AND 'kubernetes.io/hostname' NOT IN UNNEST(w.spread_topology_keys) AS is_found,
    0 AS other_age_seconds,
    'ok' AS other_status
  )
]) AS found
WHERE
  w.kind NOT IN ('DaemonSet', 'Job', 'CronJob', 'Pod', 'Node')
  AND w.deleted_at IS NULL
  AND found.is_found
