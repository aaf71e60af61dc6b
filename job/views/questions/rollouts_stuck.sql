-- Which rollouts do not progress, since when, and why?
-- One row for each Deployment, StatefulSet and DaemonSet whose rollout is stuck. A Deployment says so itself: its
-- condition `Progressing` turns false when nothing has progressed for `progressDeadlineSeconds`. The other two have no
-- deadline. One of them is stuck if `kubectl rollout status` would wait in each of its last two readings, these are at
-- least 600 seconds apart and show the same generation, and the newer one shows no more pods updated, ready or available.
-- This includes pods that fail after a rollout, as `NotAvailable`. All three are stuck if their controller has not acted
-- on the same generation in two such readings. The view leaves out workloads that are being deleted, the strategy
-- `OnDelete`, pods below a StatefulSet's partition, and kinds that are known through their pods alone.
-- Scans recent rows of workloads, and what workloads and last_two_readings scan.
--
-- SELECT cluster, namespace, kind, name, reason, since, replicas_not_updated FROM rollouts_stuck ORDER BY since
--
-- project_id, location, cluster, namespace, kind, name, uid FROM workloads
-- reason STRING: Of a Deployment, its condition's: `ProgressDeadlineExceeded`, `ReplicaSetCreateError`, ...; `Unknown`
--   where that has none. Otherwise `NotObserved`: the controller has not acted on the generation. `NotUpdated`: pods of
--   the current template are missing. `NotAvailable`: no such pods are missing, but some are not available.
-- since TIMESTAMP: When the condition turned false. Otherwise when the older reading began: it shows the same, so the
--   rollout may be stuck for longer.
-- generation, observed_generation, strategy, rolling_update_partition, paused FROM workloads
-- replicas_wanted, replicas, replicas_updated, replicas_ready, replicas_available FROM workloads
-- replicas_not_updated INT64: How many pods of the current template are missing. NULL until the controller has acted.
-- replicas_not_available INT64: How many of the wanted pods are not available. NULL until the controller has acted.
-- snapshot_id, snapshot_time, read_at, read_age_seconds, read_status FROM workloads

WITH
  compared AS (
    SELECT
      w.*,
      w.replicas_wanted - COALESCE(w.rolling_update_partition, 0) - w.replicas_updated AS lacks_updated,
      w.replicas_wanted - w.replicas_available AS lacks_available,
      COALESCE(w.observed_generation < w.generation, w.replicas IS NULL) AS is_unobserved,
      (
        SELECT MIN(c.reason)
        FROM UNNEST(w.conditions) AS c
        WHERE c.type = 'Progressing' AND c.status = 'False'
      ) AS condition_reason,
      (
        SELECT MIN(c.last_transition_at)
        FROM UNNEST(w.conditions) AS c
        WHERE c.type = 'Progressing' AND c.status = 'False'
      ) AS condition_since,
      (
        SELECT COUNT(*)
        FROM UNNEST(w.conditions) AS c
        WHERE c.type = 'Progressing' AND c.status = 'False'
      ) > 0 AS is_past_deadline,
      r.seen_after,
      TIMESTAMP_DIFF(r.seen_before, r.seen_after, MICROSECOND) >= 600000000 AS is_long,
      p.replicas_wanted - COALESCE(p.rolling_update_partition, 0) > p.replicas_updated
        OR p.replicas_wanted > p.replicas_available AS waited,
      p.uid IS NOT NULL AND COALESCE(p.observed_generation < p.generation, p.replicas IS NULL) AS was_unobserved,
      w.replicas_updated > p.replicas_updated
        OR w.replicas_ready > p.replicas_ready
        OR w.replicas_available > p.replicas_available AS progressed
    FROM ${dataset}.workloads AS w
    LEFT JOIN ${dataset}.last_two_readings AS r ON r.snapshot_id = w.snapshot_id AND r.resource = w.resource
    LEFT JOIN ${dataset}.raw_recent_workloads AS p
      ON p.snapshot_id = r.previous_snapshot_id
      AND p.resource = w.resource
      AND p.uid = w.uid
      AND p.generation = w.generation
    WHERE w.kind IN ('Deployment', 'StatefulSet', 'DaemonSet') AND NOT w.known_through_pods AND w.deleted_at IS NULL
  ),
  judged AS (
    SELECT
      *,
      CASE
        WHEN is_unobserved THEN IF(was_unobserved AND is_long, 'NotObserved', NULL)
        WHEN kind = 'Deployment' THEN IF(is_past_deadline, COALESCE(condition_reason, 'Unknown'), NULL)
        WHEN strategy = 'OnDelete' THEN NULL
        WHEN is_long AND waited AND NOT was_unobserved AND NOT progressed
          THEN IF(lacks_updated > 0, 'NotUpdated', IF(lacks_available > 0, 'NotAvailable', NULL))
      END AS reason
    FROM compared
  )
SELECT
  project_id,
  location,
  cluster,
  namespace,
  kind,
  name,
  uid,
  reason,
  IF(kind = 'Deployment' AND NOT is_unobserved, COALESCE(condition_since, read_at), seen_after) AS since,
  generation,
  observed_generation,
  strategy,
  rolling_update_partition,
  paused,
  replicas_wanted,
  replicas,
  replicas_updated,
  replicas_ready,
  replicas_available,
  IF(lacks_updated < 0, 0, lacks_updated) AS replicas_not_updated,
  IF(lacks_available < 0, 0, lacks_available) AS replicas_not_available,
  snapshot_id,
  snapshot_time,
  read_at,
  read_age_seconds,
  read_status
FROM judged
WHERE reason IS NOT NULL
