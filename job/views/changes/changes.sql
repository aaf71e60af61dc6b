-- What changed in each cluster between the last two readings of each resource?
-- One row for each cluster, node pool, node, workload, or field of one, that was added, removed or changed. A resource
-- that could not be read keeps its last reading: a change shows once it can be read again. Where a workload runs in both
-- of two snapshots, its pods are compared, else its template. While pods differ, as in a rollout, a value has all of
-- theirs. Where a list was partial, missing objects prove nothing; nor do pods while the controller of some could
-- not be read. The view leaves out noise: the Jobs of a CronJob; of what was added or removed, all except replicas,
-- images, requests and limits; defaults that are written out. Autoscaling is no noise: filter out the fields `node` and
-- `replicas_wanted`. `changes_between(from_moment, to_moment)` compares what was known at two moments; `events` has all.
-- Scans recent rows of workloads, containers, pods, pod_containers, nodes, clusters and node_pools, and what
-- last_two_readings scans.
--
-- SELECT cluster, namespace, name, container, old_value, new_value, seen_before FROM changes WHERE field = 'image'

WITH
  reading_pairs AS (
    SELECT
      project_id,
      location,
      cluster,
      resource,
      seen_after,
      seen_before,
      previous_snapshot_id,
      snapshot_id,
      whole,
      previous_whole
    FROM ${dataset}.last_two_readings
  ),
  -- where the older one is partial, the whole one before it shows what that lacks
  pairs_past_partial AS (
    SELECT
      project_id,
      location,
      cluster,
      resource,
      whole_seen_after AS seen_after,
      seen_before,
      whole_snapshot_id AS previous_snapshot_id,
      snapshot_id,
      whole,
      TRUE AS previous_whole
    FROM ${dataset}.last_two_readings
    WHERE whole_snapshot_id IS NOT NULL
  ),
  -- the newest snapshot of each cluster, and the one that another run took before
  snapshot_pairs AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      p.started_at AS seen_after,
      n.started_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      COALESCE(n.cluster_id <> p.cluster_id, FALSE) AS is_remade
    FROM ${dataset}.latest_snapshots AS n
    JOIN ${dataset}.recent_snapshots AS p
      ON p.project_id = n.project_id AND p.location = n.location AND p.cluster = n.cluster AND p.run_id <> n.run_id
      -- an unknown id is not that of a known cluster
      AND (n.cluster_id IS NULL OR p.cluster_id IS NOT NULL)
    WHERE n.snapshot_time >= ${rows_since} AND p.snapshot_time >= ${rows_since}
    QUALIFY
      ROW_NUMBER() OVER (
        PARTITION BY n.project_id, n.location, n.cluster
        ORDER BY p.started_at DESC, p.snapshot_time DESC, p.attempt DESC, p.snapshot_id DESC
      ) = 1
      AND (n.cluster_id IS NULL) = (p.cluster_id IS NULL)
  ),
  run_lists AS (
    SELECT *
    FROM ${dataset}.recent_project_lists
    WHERE outcome = 'ok'
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource, run_id ORDER BY newest) = 1
  ),
  -- the last two lists of each project that are complete, by two runs
  list_pairs AS (
    SELECT
      n.project_id,
      p.started_at AS seen_after,
      n.started_at AS seen_before,
      p.snapshot_id AS previous_snapshot_id,
      n.snapshot_id,
      p.listed_clusters AS previously_listed,
      n.listed_clusters
    FROM (
      SELECT *
      FROM run_lists
      QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource ORDER BY started_at DESC, run_id DESC) = 1
    ) AS n
    JOIN run_lists AS p ON p.project_id = n.project_id AND p.resource = n.resource AND p.run_id <> n.run_id
    QUALIFY ROW_NUMBER() OVER (PARTITION BY n.project_id, n.resource ORDER BY p.started_at DESC, p.run_id DESC) = 1
  )
