-- When was each image first and last seen, and where?
-- One row for each image, as written, of each container of each workload, of all readings that are kept, also of
-- clusters that are deleted by now. A workload is the topmost controller: a Job of a CronJob counts as the CronJob. Pods
-- that have succeeded or failed count too, since they used the image.
-- Between two readings an image can come and go, which nothing shows. What the oldest readings show may be older.
-- Scans raw_pods, raw_pod_containers, raw_workloads and raw_containers over all time.
--
-- SELECT cluster, namespace, workload_name, first_seen, last_seen FROM images_history WHERE image_repository = 'library/nginx'
--
-- project_id, location, cluster, namespace FROM pods_history
-- workload_api_group STRING: API group of the kind, such as `apps`. Empty for the core group, so for a pod.
-- workload_kind STRING: Kind of the topmost controller that used the image; `Pod` for a pod that nothing controls.
-- workload_name STRING: Name of that controller.
-- name AS container FROM containers_history
-- image, image_registry, image_repository, image_tag, image_digest FROM containers_history
-- ran BOOL: True if a container of a pod used the image. False where only a template named it.
-- first_seen TIMESTAMP: When the first reading that shows the image began.
-- last_seen TIMESTAMP: When the last one began.

WITH
  -- the topmost controller of each owner between a pod and it
  owners AS (
    SELECT
      p.snapshot_id,
      owner,
      MIN(COALESCE(REGEXP_EXTRACT(p.workload_api_version, r'^(.*)/'), '')) AS workload_api_group,
      MIN(p.workload_kind) AS workload_kind,
      MIN(p.workload_name) AS workload_name
    FROM ${dataset}.pods_history AS p
    CROSS JOIN UNNEST(ARRAY_CONCAT([p.owner_uid], p.middle_owner_uids)) AS owner
    GROUP BY 1, 2
  ),
  uses AS (
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      p.namespace,
      COALESCE(REGEXP_EXTRACT(p.workload_api_version, r'^(.*)/'), '') AS workload_api_group,
      p.workload_kind,
      p.workload_name,
      c.name AS container,
      c.image,
      c.image_registry,
      c.image_repository,
      c.image_tag,
      c.image_digest,
      TRUE AS ran,
      c.read_at
    FROM ${dataset}.pod_containers_history AS c
    JOIN ${dataset}.pods_history AS p ON p.snapshot_id = c.snapshot_id AND p.uid = c.pod_uid
    UNION ALL
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      c.namespace,
      COALESCE(
        o.workload_api_group,
        REGEXP_EXTRACT(COALESCE(above.owner_api_version, w.owner_api_version, w.api_version), r'^(.*)/'),
        ''
      ),
      COALESCE(o.workload_kind, above.owner_kind, w.owner_kind, c.workload_kind),
      COALESCE(o.workload_name, above.owner_name, w.owner_name, c.workload_name),
      c.name,
      c.image,
      c.image_registry,
      c.image_repository,
      c.image_tag,
      c.image_digest,
      FALSE,
      c.read_at
    FROM ${dataset}.containers_history AS c
    JOIN ${dataset}.workloads_history AS w
      ON w.snapshot_id = c.snapshot_id AND w.resource = c.resource AND w.uid = c.workload_uid
    LEFT JOIN owners AS o ON o.snapshot_id = w.snapshot_id AND o.owner = w.uid
    LEFT JOIN ${dataset}.workloads_history AS above
      ON above.snapshot_id = w.snapshot_id AND above.uid = w.owner_uid AND above.owner_kind IS NOT NULL
    -- what is known through its pods alone uses what these do
    WHERE c.resource <> 'pods'
  )
SELECT
  project_id,
  location,
  cluster,
  namespace,
  workload_api_group,
  workload_kind,
  workload_name,
  container,
  image,
  image_registry,
  image_repository,
  image_tag,
  image_digest,
  LOGICAL_OR(ran) AS ran,
  MIN(read_at) AS first_seen,
  MAX(read_at) AS last_seen
FROM uses
WHERE image IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
