-- Which images are used, where, and which digests run?
-- One row for each image, as written, of each workload. A workload is the topmost controller: a Job of a CronJob counts
-- as the CronJob. Pods that have succeeded or failed use no image.
-- Scans what pods, pod_containers, workloads and containers scan.
--
-- SELECT image, cluster, namespace, workload_name, running_digests FROM images WHERE pinned_mismatch OR digests_of_tag > 1
--
-- project_id, location, cluster, namespace FROM pods
-- workload_api_group STRING: API group of the kind, such as `apps`. Empty for the core group, so for a pod.
-- workload_kind STRING: Kind of the topmost controller that uses the image; `Pod` for a pod that nothing controls.
-- workload_name STRING: Name of that controller.
-- image, image_registry, image_repository, image_tag, image_digest FROM containers
-- container_names ARRAY<STRING>: Names of the containers that use the image, or that would by their template.
-- containers INT64: How many containers of pods use the image. 0 where only a template names it.
-- running_since TIMESTAMP: When the oldest of these pods was created. NULL where only a template names the image. When a
--   run first saw the image shows in `images_history`.
-- running_digests ARRAY<STRING>: Manifest digests that these containers run, where the kubelet reports them.
-- pinned_mismatch BOOL: True if the image is pinned and a container runs another digest. NULL where the image is not
--   pinned, or no digest of the same algorithm is reported.
-- digests_of_tag INT64: How many digests run under the tag, over all clusters; an image without a tag counts as
--   `latest`. NULL where the image is pinned, or is no valid reference.
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row.
-- read_status STRING: The worst of those readings: `ok`, `partial` or `stale`.

WITH
  -- the topmost controller of each owner between a pod and it
  owners AS (
    SELECT
      project_id,
      location,
      cluster,
      owner,
      MIN(COALESCE(REGEXP_EXTRACT(workload_api_version, r'^(.*)/'), '')) AS workload_api_group,
      MIN(workload_kind) AS workload_kind,
      MIN(workload_name) AS workload_name
    FROM ${dataset}.pods
    CROSS JOIN UNNEST(ARRAY_CONCAT([owner_uid], middle_owner_uids)) AS owner
    GROUP BY 1, 2, 3, 4
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
      c.image,
      c.image_registry,
      c.image_repository,
      c.image_tag,
      c.image_digest,
      c.running_digest,
      c.name AS container,
      1 AS containers,
      p.created_at,
      c.read_age_seconds,
      c.read_status
    FROM ${dataset}.pod_containers AS c
    JOIN ${dataset}.pods AS p ON p.snapshot_id = c.snapshot_id AND p.uid = c.pod_uid
    WHERE COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
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
      c.image,
      c.image_registry,
      c.image_repository,
      c.image_tag,
      c.image_digest,
      NULL,
      c.name,
      0,
      NULL,
      c.read_age_seconds,
      c.read_status
    FROM ${dataset}.containers AS c
    JOIN ${dataset}.workloads AS w
      ON w.snapshot_id = c.snapshot_id AND w.resource = c.resource AND w.uid = c.workload_uid
    LEFT JOIN owners AS o
      ON o.project_id = w.project_id AND o.location = w.location AND o.cluster = w.cluster AND o.owner = w.uid
    LEFT JOIN ${dataset}.workloads AS above
      ON above.project_id = w.project_id
      AND above.location = w.location
      AND above.cluster = w.cluster
      AND above.uid = w.owner_uid
      AND above.owner_kind IS NOT NULL
    -- what is known through its pods alone uses what these do
    WHERE c.resource <> 'pods'
  ),
  tagged AS (
    SELECT
      *,
      COUNT(DISTINCT running_digest) OVER (
        PARTITION BY image_registry, image_repository, COALESCE(image_tag, 'latest'), image_digest
      ) AS digests_of_tag
    FROM uses
    WHERE image IS NOT NULL
  )
SELECT
  project_id,
  location,
  cluster,
  namespace,
  workload_api_group,
  workload_kind,
  workload_name,
  image,
  image_registry,
  image_repository,
  image_tag,
  image_digest,
  ARRAY_AGG(DISTINCT container ORDER BY container) AS container_names,
  SUM(containers) AS containers,
  MIN(created_at) AS running_since,
  COALESCE(ARRAY_AGG(DISTINCT running_digest IGNORE NULLS ORDER BY running_digest), []) AS running_digests,
  LOGICAL_OR(
    -- sha256 and sha512 of one manifest differ
    IF(SPLIT(running_digest, ':')[OFFSET(0)] = SPLIT(image_digest, ':')[OFFSET(0)], running_digest <> image_digest, NULL)
  ) AS pinned_mismatch,
  MAX(IF(image_digest IS NULL AND image_repository IS NOT NULL, digests_of_tag, NULL)) AS digests_of_tag,
  MAX(read_age_seconds) AS read_age_seconds,
  CASE
    WHEN LOGICAL_OR(read_status NOT IN ('ok', 'partial')) THEN 'stale'
    WHEN LOGICAL_OR(read_status = 'partial') THEN 'partial'
    ELSE 'ok'
  END AS read_status
FROM tagged
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
