-- Which namespaces run nothing?
-- One row for each namespace without a pod that has not succeeded or failed, without a workload that wants pods, and
-- without a CronJob that is not suspended. A Job wants none once it has succeeded or failed, or while it is suspended. A
-- workload whose wanted replicas are unknown counts as wanting some; a custom resource without pods does not. The view
-- leaves out what nobody knows: namespaces of clusters where pods or a kind of workload was read only in part, is
-- switched off or was never read; and namespaces that are younger than the oldest of those readings.
-- Scans what namespaces, pods and workloads scan.
--
-- SELECT cluster, namespace, age_seconds, workloads FROM idle_namespaces WHERE NOT is_system ORDER BY age_seconds DESC
--
-- project_id, location, cluster, name AS namespace, uid, phase, created_at FROM namespaces
-- age_seconds INT64: Seconds since `created_at`.
-- is_system BOOL: True if Kubernetes or GKE has made the namespace: its name starts with `kube-`, `gke-` or `gmp-`.
-- ended_pods INT64: Number of its pods; all have succeeded or failed.
-- workloads INT64: Number of its workloads; none wants a pod.
-- labels, snapshot_id, snapshot_time, read_at FROM namespaces
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row: the namespace was idle then.
-- read_status STRING: The worst of those readings: `ok`, `partial` or `stale`. Only namespaces can be `partial`.

WITH
  -- clusters of which everything that runs is known
  known_clusters AS (
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      MIN(c.read_at) AS read_at,
      MAX(c.read_age_seconds) AS read_age_seconds,
      LOGICAL_AND(c.status = 'ok') AS is_fresh
    FROM ${dataset}.coverage AS c
    JOIN ${dataset}.recent_readings AS r ON r.snapshot_id = c.read_snapshot_id AND r.resource = c.resource
    WHERE
      c.resource IN ('pods', 'deployments', 'statefulsets', 'daemonsets', 'replicasets', 'jobs', 'cronjobs')
      AND c.status IN ('ok', 'stale')
      AND r.outcome = 'ok'
    GROUP BY 1, 2, 3
    HAVING COUNT(*) = 7
  ),
  pods_of AS (
    SELECT
      project_id,
      location,
      cluster,
      namespace,
      COUNT(*) AS pods,
      COUNTIF(COALESCE(phase, 'Unknown') NOT IN ('Succeeded', 'Failed')) AS active_pods
    FROM ${dataset}.pods
    GROUP BY 1, 2, 3, 4
  ),
  workloads_of AS (
    SELECT project_id, location, cluster, namespace, COUNT(*) AS workloads, COUNTIF(wants_pods) AS wanting
    FROM (
      SELECT
        *,
        CASE
          WHEN suspended THEN FALSE
          WHEN kind = 'CronJob' THEN TRUE
          WHEN kind = 'Job' AND EXISTS (
            SELECT 1 FROM UNNEST(conditions) AS c WHERE c.type IN ('Complete', 'Failed') AND c.status = 'True'
          ) THEN FALSE
          ELSE COALESCE(replicas_wanted, 1) > 0
        END AS wants_pods
      FROM ${dataset}.workloads
      -- what is known through its pods alone is as idle as they are
      WHERE resource <> 'pods'
    )
    GROUP BY 1, 2, 3, 4
  )
SELECT
  n.project_id,
  n.location,
  n.cluster,
  n.name AS namespace,
  n.uid,
  n.phase,
  n.created_at,
  DIV(TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), n.created_at, MICROSECOND), 1000000) AS age_seconds,
  REGEXP_CONTAINS(n.name, r'^(kube|gke|gmp)-') AS is_system,
  COALESCE(p.pods, 0) AS ended_pods,
  COALESCE(w.workloads, 0) AS workloads,
  n.labels,
  n.snapshot_id,
  n.snapshot_time,
  n.read_at,
  IF(k.read_age_seconds > n.read_age_seconds, k.read_age_seconds, n.read_age_seconds) AS read_age_seconds,
  CASE
    WHEN NOT k.is_fresh OR n.read_status NOT IN ('ok', 'partial') THEN 'stale'
    ELSE n.read_status
  END AS read_status
FROM ${dataset}.namespaces AS n
JOIN known_clusters AS k
  ON k.project_id = n.project_id AND k.location = n.location AND k.cluster = n.cluster
LEFT JOIN pods_of AS p
  ON p.project_id = n.project_id AND p.location = n.location AND p.cluster = n.cluster AND p.namespace = n.name
LEFT JOIN workloads_of AS w
  ON w.project_id = n.project_id AND w.location = n.location AND w.cluster = n.cluster AND w.namespace = n.name
WHERE n.created_at <= k.read_at AND COALESCE(p.active_pods, 0) = 0 AND COALESCE(w.wanting, 0) = 0
