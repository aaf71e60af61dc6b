-- What holds up a drain, as an upgrade of a node pool does, or is lost by it?
-- One row for each pod and reason, with the evidence. A pod that has ended, is pending or is being deleted may always
-- be evicted, and is not here; nor are static pods and pods whose direct controller is a DaemonSet, which a drain
-- leaves on their node. Budgets that select nothing have rows without a pod, but only where pods were read. Before
-- GKE upgrades a node, it waits up to an hour for budgets and for pods to end, then goes on; before it removes one
-- that is not needed, ten minutes (https://cloud.google.com/kubernetes-engine/docs/how-to/extended-duration-pods).
-- Other pods with `emptyDir` volumes are in `pods.empty_dir_volumes`. Where volumes or nodes were never read, nothing
-- is `zone_locked`: see `coverage`.
-- Scans what pods, workloads, disruption_budgets, volumes, nodes and clusters scan.
--
-- SELECT cluster, node_pool, reason, COUNT(*) AS pods FROM drain_blockers WHERE effect = 'blocks' GROUP BY 1, 2, 3
--
-- project_id, location, cluster, node_pool, node FROM pods
-- namespace STRING: Namespace of the pod or budget.
-- pod STRING: Name of the pod; NULL for `budget_selects_nothing`.
-- pod_uid STRING: UID of the pod.
-- workload_kind, workload_name FROM pods
-- reason STRING: `budget_blocks`: a budget allows no disruption, or its controller has yet to process it.
--   `several_budgets`: more than one budget selects the pod, and the API refuses to evict it.
--   `budget_selects_nothing`: a budget protects no pod. `uncontrolled`: nothing makes the pod again.
--   `single_replica`: a budget selects the pod, and its workload wants one replica, or the Deployment, StatefulSet or
--   ReplicaSet between it and a custom resource does. `host_path`: the pod uses directories of its node. `empty_dir`:
--   a StatefulSet's pod has `emptyDir` volumes, and mounts no claim. `node_locked`: only some nodes can use a volume
--   of the pod. `zone_locked`: only nodes of one zone can, and no other ready node of the pool is there.
--   `long_termination`: it may take longer than ten minutes to end. `not_safe_to_evict`: an annotation makes
--   Autopilot put off the upgrade, for up to seven days.
-- effect STRING: What the reason does to a drain. `blocks`: the API refuses to evict the pod. `delays`: the drain
--   waits for the pod. `strands`: the pod may find no other node, and stays pending. `interrupts`: nothing serves
--   until the pod runs elsewhere. `loses`: the pod, or data of it, is gone. `none`: of `budget_selects_nothing`.
-- budget STRING: PodDisruptionBudget behind the reason; of several, the first by name.
-- evidence STRING: The values behind the reason.
-- read_at FROM pods
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row.
-- read_status STRING: `ok`; else the status of the reading behind the reason (of budgets, workloads, volumes, nodes,
--   clusters) or, if that is `ok`, of the pods. Of `budget_selects_nothing`: of the pods or, if that is `ok`, of the
--   budgets.

WITH
  -- https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/pod/storage/eviction.go (canIgnorePDB)
  selectable AS (
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      p.node_pool,
      p.node,
      p.namespace,
      p.name AS pod,
      p.uid AS pod_uid,
      p.workload_kind,
      p.workload_name,
      p.workload_uid,
      p.owner_uid,
      p.middle_owner_uids,
      COALESCE(p.owner_kind, p.workload_kind) AS controller_kind,
      p.workload_resolution,
      p.ready,
      p.host_paths,
      p.volume_claims,
      p.empty_dir_volumes,
      p.termination_grace_period_seconds,
      p.safe_to_evict,
      ARRAY(SELECT CONCAT(l.key, '=', l.value) FROM UNNEST(p.labels) AS l) AS label_pairs,
      ARRAY(SELECT l.key FROM UNNEST(p.labels) AS l) AS label_keys,
      p.read_at,
      p.read_age_seconds,
      p.read_status,
      COALESCE(p.phase, 'Unknown') IN ('Running', 'Unknown')
        AND p.deleted_at IS NULL
        -- as kubectl drain: by the direct controller
        AND COALESCE(p.owner_kind, p.workload_kind) NOT IN ('DaemonSet', 'Node') AS is_drained
    FROM ${dataset}.pods AS p
    WHERE COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
  ),
  running AS (
    SELECT * FROM selectable WHERE is_drained
  ),
  matched AS (
    SELECT
      p.*,
      b.name AS budget,
      b.uid AS budget_uid,
      b.blocking IS NOT FALSE
        -- a pod that is not ready may be evicted while enough others are healthy, or by policy
        AND NOT (
          p.ready IS NOT TRUE
          AND (
            COALESCE(b.unhealthy_pod_eviction_policy, '') = 'AlwaysAllow'
            OR (b.desired_healthy > 0 AND b.current_healthy >= b.desired_healthy)
          )
        ) AS is_blocked,
      COALESCE(
        CONCAT(
          'disruptions_allowed ', CAST(b.disruptions_allowed AS STRING), ', current_healthy ',
          CAST(b.current_healthy AS STRING), ', desired_healthy ', CAST(b.desired_healthy AS STRING)
        ),
        CONCAT(
          'observed_generation ', CAST(COALESCE(b.observed_generation, 0) AS STRING), ' of ', CAST(b.generation AS STRING)
        )
      ) AS counts,
      b.read_age_seconds AS other_age_seconds,
      b.read_status AS other_status
    FROM ${dataset}.disruption_budgets AS b
    JOIN selectable AS p
      ON p.project_id = b.project_id AND p.location = b.location AND p.cluster = b.cluster
      AND p.namespace = b.namespace
    WHERE
      (b.selects_all_pods OR ARRAY_LENGTH(b.selector) > 0 OR ARRAY_LENGTH(b.selector_expressions) > 0)
      AND ${selects.b.p}
  ),
  protected AS (
    SELECT * FROM matched WHERE is_drained
  ),
  by_pod AS (
    SELECT
      project_id,
      location,
      cluster,
      pod_uid,
      MIN(budget) AS budget,
      MAX(budget) AS last_budget,
      COUNT(*) AS budgets,
      MAX(other_age_seconds) AS other_age_seconds,
      MIN(other_status) AS other_status
    FROM protected
    GROUP BY 1, 2, 3, 4
  ),
  -- the topmost controller of each protected pod that has a table
  held AS (
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      p.pod_uid,
      w.kind,
      w.name,
      w.replicas_wanted,
      w.read_age_seconds,
      w.read_status
    FROM (
      SELECT project_id, location, cluster, namespace, pod_uid, workload_uid AS controller_uid, 1 AS position
      FROM protected
      UNION ALL
      SELECT project_id, location, cluster, namespace, pod_uid, middle, 2
      FROM protected
      CROSS JOIN UNNEST(middle_owner_uids) AS middle
      UNION ALL
      SELECT project_id, location, cluster, namespace, pod_uid, owner_uid, 3
      FROM protected
    ) AS p
    JOIN ${dataset}.workloads AS w
      ON w.project_id = p.project_id AND w.location = p.location AND w.cluster = p.cluster
      AND w.namespace = p.namespace AND w.uid = p.controller_uid
    WHERE NOT w.known_through_pods
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY p.project_id, p.location, p.cluster, p.pod_uid
      ORDER BY p.position, w.uid
    ) = 1
  ),
  -- one volume of each pod that not every node can use
  locked AS (
    SELECT
      p.*,
      v.name AS volume,
      v.zones[SAFE_OFFSET(0)] AS volume_zone,
      v.nodes AS volume_nodes,
      v.read_age_seconds AS volume_age_seconds,
      v.read_status AS volume_status
    FROM (
      SELECT p.*, claim
      FROM running AS p
      CROSS JOIN UNNEST(p.volume_claims) AS claim
    ) AS p
    JOIN ${dataset}.volumes AS v
      ON v.project_id = p.project_id AND v.location = p.location AND v.cluster = p.cluster
      AND v.claim_namespace = p.namespace AND v.claim_name = p.claim
    WHERE v.phase = 'Bound' AND (ARRAY_LENGTH(v.zones) = 1 OR ARRAY_LENGTH(v.nodes) > 0)
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY p.project_id, p.location, p.cluster, p.pod_uid
      ORDER BY IF(ARRAY_LENGTH(v.nodes) > 0, 0, 1), v.name
    ) = 1
  ),
  known_nodes AS (
    SELECT
      project_id,
      location,
      cluster,
      node_pool,
      zone,
      name,
      IF(ready IS TRUE AND NOT unschedulable, 1, 0) AS usable,
      read_age_seconds,
      read_status
    FROM ${dataset}.nodes
  ),
  room AS (
    SELECT project_id, location, cluster, node_pool, zone, SUM(usable) AS usable
    FROM known_nodes
    GROUP BY 1, 2, 3, 4, 5
  ),
  found AS (
    SELECT
      project_id, location, cluster, node_pool, node, namespace, pod, pod_uid, workload_kind, workload_name,
      'budget_blocks' AS reason, budget, counts AS evidence, read_at, read_age_seconds, read_status,
      other_age_seconds, other_status
    FROM protected
    WHERE is_blocked
    UNION ALL
    SELECT
      p.project_id, p.location, p.cluster, p.node_pool, p.node, p.namespace, p.pod, p.pod_uid, p.workload_kind,
      p.workload_name, 'several_budgets', g.budget,
      CONCAT(CAST(g.budgets AS STRING), ' budgets: ', g.budget, ' to ', g.last_budget),
      p.read_at, p.read_age_seconds, p.read_status, g.other_age_seconds, g.other_status
    FROM running AS p
    JOIN by_pod AS g
      ON g.project_id = p.project_id AND g.location = p.location AND g.cluster = p.cluster AND g.pod_uid = p.pod_uid
    WHERE g.budgets > 1
    UNION ALL
    SELECT
      p.project_id, p.location, p.cluster, p.node_pool, p.node, p.namespace, p.pod, p.pod_uid, p.workload_kind,
      p.workload_name, 'single_replica', g.budget, CONCAT(w.kind, ' ', w.name, ' wants 1 replica'),
      p.read_at, p.read_age_seconds, p.read_status, GREATEST(g.other_age_seconds, w.read_age_seconds),
      IF(g.other_status = 'ok', w.read_status, g.other_status)
    FROM running AS p
    JOIN by_pod AS g
      ON g.project_id = p.project_id AND g.location = p.location AND g.cluster = p.cluster AND g.pod_uid = p.pod_uid
    JOIN held AS w
      ON w.project_id = p.project_id AND w.location = p.location AND w.cluster = p.cluster AND w.pod_uid = p.pod_uid
    WHERE w.replicas_wanted = 1 AND w.kind NOT IN ('DaemonSet', 'Job', 'CronJob')
    UNION ALL
    SELECT
      project_id, location, cluster, node_pool, node, namespace, pod, pod_uid, workload_kind, workload_name,
      'long_termination', NULL,
      CONCAT('termination_grace_period_seconds ', CAST(termination_grace_period_seconds AS STRING)),
      read_at, read_age_seconds, read_status, NULL, 'ok'
    FROM running
    WHERE termination_grace_period_seconds > 600
    UNION ALL
    SELECT
      project_id, location, cluster, node_pool, node, namespace, pod, pod_uid, workload_kind, workload_name,
      'empty_dir', NULL, ARRAY_TO_STRING(empty_dir_volumes, ', '), read_at, read_age_seconds, read_status, NULL, 'ok'
    FROM running
    WHERE ARRAY_LENGTH(empty_dir_volumes) > 0 AND ARRAY_LENGTH(volume_claims) = 0 AND controller_kind = 'StatefulSet'
    UNION ALL
    SELECT
      project_id, location, cluster, node_pool, node, namespace, pod, pod_uid, workload_kind, workload_name,
      'node_locked', NULL, CONCAT('volume ', volume, ' only on ', ARRAY_TO_STRING(volume_nodes, ', ')),
      read_at, read_age_seconds, read_status, volume_age_seconds, volume_status
    FROM locked
    WHERE ARRAY_LENGTH(volume_nodes) > 0
    UNION ALL
    SELECT
      p.project_id, p.location, p.cluster, p.node_pool, p.node, p.namespace, p.pod, p.pod_uid, p.workload_kind,
      p.workload_name, 'zone_locked', NULL,
      CONCAT('volume ', p.volume, ' only in ', p.volume_zone, ', no other ready node of ', n.node_pool, ' there'),
      p.read_at, p.read_age_seconds, p.read_status,
      IF(p.volume_age_seconds > n.read_age_seconds, p.volume_age_seconds, n.read_age_seconds),
      IF(p.volume_status = 'ok', n.read_status, p.volume_status)
    FROM locked AS p
    JOIN known_nodes AS n
      ON n.project_id = p.project_id AND n.location = p.location AND n.cluster = p.cluster AND n.name = p.node
    JOIN room AS r
      ON r.project_id = n.project_id AND r.location = n.location AND r.cluster = n.cluster
      AND r.node_pool = n.node_pool AND r.zone = n.zone
    WHERE ARRAY_LENGTH(p.volume_nodes) = 0 AND p.volume_zone = n.zone AND r.usable = n.usable
    UNION ALL
    SELECT
      p.project_id, p.location, p.cluster, p.node_pool, p.node, p.namespace, p.pod, p.pod_uid, p.workload_kind,
      p.workload_name, 'not_safe_to_evict', NULL, 'cluster-autoscaler.kubernetes.io/safe-to-evict: false',
      p.read_at, p.read_age_seconds, p.read_status, c.read_age_seconds, c.read_status
    FROM running AS p
    JOIN ${dataset}.clusters AS c
      ON c.project_id = p.project_id AND c.location = p.location AND c.cluster = p.cluster
    WHERE c.autopilot AND p.safe_to_evict IS FALSE
    UNION ALL
    SELECT
      project_id, location, cluster, node_pool, node, namespace, pod, pod_uid, workload_kind, workload_name,
      'uncontrolled', NULL, 'no controller', read_at, read_age_seconds, read_status, NULL, 'ok'
    FROM running
    WHERE workload_resolution = 'uncontrolled'
    UNION ALL
    SELECT
      project_id, location, cluster, node_pool, node, namespace, pod, pod_uid, workload_kind, workload_name,
      'host_path', NULL, ARRAY_TO_STRING(host_paths, ', '), read_at, read_age_seconds, read_status, NULL, 'ok'
    FROM running
    WHERE ARRAY_LENGTH(host_paths) > 0
    UNION ALL
    SELECT
      b.project_id, b.location, b.cluster, CAST(NULL AS STRING), CAST(NULL AS STRING), b.namespace, CAST(NULL AS STRING),
      CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), 'budget_selects_nothing', b.name,
      'expected_pods 0', b.read_at, b.read_age_seconds, b.read_status, k.read_age_seconds, k.status
    FROM ${dataset}.disruption_budgets AS b
    JOIN ${dataset}.coverage AS k
      ON k.project_id = b.project_id AND k.location = b.location AND k.cluster = b.cluster
      AND k.resource = 'pods' AND k.read_snapshot_id IS NOT NULL
    LEFT JOIN (SELECT DISTINCT project_id, location, cluster, budget_uid FROM matched) AS m
      ON m.project_id = b.project_id AND m.location = b.location AND m.cluster = b.cluster AND m.budget_uid = b.uid
    -- pods without a controller are none of the pods that are expected
    WHERE b.expected_pods = 0 AND m.budget_uid IS NULL
  )
SELECT
  project_id,
  location,
  cluster,
  node_pool,
  node,
  namespace,
  pod,
  pod_uid,
  workload_kind,
  workload_name,
  reason,
  CASE
    WHEN reason IN ('budget_blocks', 'several_budgets') THEN 'blocks'
    WHEN reason IN ('long_termination', 'not_safe_to_evict') THEN 'delays'
    WHEN reason IN ('node_locked', 'zone_locked') THEN 'strands'
    WHEN reason = 'single_replica' THEN 'interrupts'
    WHEN reason = 'budget_selects_nothing' THEN 'none'
    ELSE 'loses'
  END AS effect,
  budget,
  evidence,
  read_at,
  IF(other_age_seconds > read_age_seconds, other_age_seconds, read_age_seconds) AS read_age_seconds,
  IF(other_status = 'ok', read_status, other_status) AS read_status
FROM found
