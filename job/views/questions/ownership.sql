-- Which team owns each workload, which evidence says so, and how sure is that?
-- One row for each workload: the topmost controller of its pods, or one that has no pods. A Job of a CronJob, or a
-- ReplicaSet of a Rollout, counts as that. A controller that is known through its pods alone has a row, also where its
-- list could not be read. The first evidence counts, in the order of `evidence`. The column `team` of the configuration
-- (`columns`) says which labels and annotations name a team; without it the labels `team` and `owner` do, and the
-- annotation `a8r.io/owner`. Annotations count only where `annotations` keeps them. Evidence that is only `possible` is
-- the name of something that a team may own, not a team's.
-- Scans what workloads, containers, pods and namespaces scan.
--
-- SELECT cluster, namespace, kind, name, team, evidence FROM ownership WHERE confidence = 'likely'
--
-- project_id, location, cluster, namespace, api_version, kind, name, uid FROM workloads
-- team STRING: The team or, where `confidence` is `possible`, what may stand for it. At most 253 characters. NULL where
--   nothing says it.
-- evidence STRING: Where that was found: `workload label`, `workload annotation`, `pod label` (the same on all of its
--   pods), `namespace label`, `namespace annotation`, `gitops application` (Argo CD, Flux or Config Sync), `helm
--   release`, `field manager` (the only one in `field_managers` that is no common tool), `image path` (of all images in
--   its template that are not from public registries). NULL where nothing was found.
-- evidence_key STRING: The label, annotation or column that has it.
-- confidence STRING: `certain`: the workload or its pods say it. `likely`: the namespace does. `possible`: the value is
--   the name of an application, a release, a field manager or an image's path. `none`: nothing says it, and all was
--   read. `unknown`: nothing that was read says it, and something was not read: see `not_read`.
-- not_read ARRAY<STRING>: What may say more and was not read: `workloads` (the workload itself, since no list of its
--   kind was read), `pods`, `namespaces` (its own namespace).
-- managed_by, managed_by_name, managed_by_key FROM workloads
-- is_system BOOL: True if Kubernetes or GKE has made the namespace: its name starts with `kube-`, `gke-` or `gmp-`.
-- pods INT64: Number of its pods that have not succeeded or failed. NULL where pods were never read, as are
--   the next three columns.
-- ready_pods INT64: How many of them are ready.
-- cpu_request_millicores NUMERIC: CPU that they request, in thousandths of a core.
-- memory_request_bytes NUMERIC: Memory that they request, in bytes.
-- snapshot_id, snapshot_time, read_at FROM workloads
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row.
-- read_status STRING: `ok`; else the status of the reading of the workload or, if that is `ok`, of the pods or
--   namespaces.

WITH
  readings AS (
    SELECT
      project_id,
      location,
      cluster,
      MAX(IF(resource = 'pods', 1, 0)) = 1 AS has_pods,
      COALESCE(MAX(IF(resource = 'pods', status, NULL)), 'ok') AS pods_status,
      COALESCE(MAX(IF(resource = 'namespaces', status, NULL)), 'ok') AS namespaces_status,
      COALESCE(MAX(IF(resource = 'pods', read_age_seconds, NULL)), 0) AS pods_age_seconds,
      COALESCE(MAX(IF(resource = 'namespaces', read_age_seconds, NULL)), 0) AS namespaces_age_seconds
    FROM ${dataset}.coverage
    WHERE read_snapshot_id IS NOT NULL AND cluster IS NOT NULL
    GROUP BY 1, 2, 3
  ),
  running AS (
    SELECT p.*
    FROM ${dataset}.pods AS p
    WHERE COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
  ),
  of_pods AS (
    SELECT
      project_id,
      location,
      cluster,
      namespace,
      workload_uid AS uid,
      MIN(workload_api_version) AS api_version,
      MIN(workload_kind) AS kind,
      MIN(workload_name) AS name,
      COUNT(*) AS pods,
      COUNTIF(ready) AS ready_pods,
      COALESCE(SUM(CAST(cpu_request_millicores AS NUMERIC(29))), 0) AS cpu_request_millicores,
      COALESCE(SUM(CAST(memory_request_bytes AS NUMERIC(29))), 0) AS memory_request_bytes,
      MIN(snapshot_id) AS snapshot_id,
      MIN(snapshot_time) AS snapshot_time,
      MIN(read_at) AS read_at,
      MAX(read_age_seconds) AS read_age_seconds,
      MAX(read_status) AS read_status
    FROM running
    GROUP BY 1, 2, 3, 4, 5
  ),
  -- controllers between a pod and its topmost one
  beneath AS (
    SELECT DISTINCT project_id, location, cluster, owner_uid AS uid FROM running WHERE owner_uid <> workload_uid
    UNION DISTINCT
    SELECT project_id, location, cluster, middle FROM running CROSS JOIN UNNEST(middle_owner_uids) AS middle
  ),
  subjects AS (
    SELECT
      w.project_id,
      w.location,
      w.cluster,
      w.namespace,
      w.uid,
      w.api_version,
      w.kind,
      w.name,
      -- the Node of static pods is no workload
      NOT w.known_through_pods OR w.kind = 'Node' AS is_read,
      w.managed_by,
      w.managed_by_name,
      w.managed_by_key,
      p.pods,
      p.ready_pods,
      p.cpu_request_millicores,
      p.memory_request_bytes,
      w.snapshot_id,
      w.snapshot_time,
      w.read_at,
      w.read_age_seconds,
      w.read_status
    FROM ${dataset}.workloads AS w
    LEFT JOIN of_pods AS p
      ON p.project_id = w.project_id AND p.location = w.location AND p.cluster = w.cluster
      AND p.namespace = w.namespace AND p.uid = w.uid
    LEFT JOIN beneath AS b
      ON b.project_id = w.project_id AND b.location = w.location AND b.cluster = w.cluster AND b.uid = w.uid
    LEFT JOIN (
      SELECT DISTINCT v.project_id, v.location, v.cluster, v.namespace, v.uid FROM ${dataset}.workloads AS v
    ) AS above
      ON above.project_id = w.project_id AND above.location = w.location AND above.cluster = w.cluster
      AND above.namespace = w.namespace AND above.uid = w.owner_uid
    WHERE p.uid IS NOT NULL OR (b.uid IS NULL AND above.uid IS NULL)
    UNION ALL
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      p.namespace,
      p.uid,
      p.api_version,
      p.kind,
      p.name,
      FALSE,
      NULL,
      NULL,
      NULL,
      p.pods,
      p.ready_pods,
      p.cpu_request_millicores,
      p.memory_request_bytes,
      p.snapshot_id,
      p.snapshot_time,
      p.read_at,
      p.read_age_seconds,
      p.read_status
    FROM of_pods AS p
    LEFT JOIN ${dataset}.workloads AS w
      ON w.project_id = p.project_id AND w.location = p.location AND w.cluster = p.cluster
      AND w.namespace = p.namespace AND w.uid = p.uid
    WHERE w.uid IS NULL
  ),
  keys_of_teams AS (
    SELECT k.form, k.pair_key, k.place FROM UNNEST(${team_keys}) AS k
  ),
  of_namespaces AS (
    SELECT
      n.project_id,
      n.location,
      n.cluster,
      n.name AS namespace,
      l.value AS said,
      'label' AS form,
      k.pair_key,
      k.place
    FROM ${dataset}.namespaces AS n
    CROSS JOIN UNNEST(n.labels) AS l
    JOIN keys_of_teams AS k ON k.form = 'label' AND k.pair_key = l.key
    UNION ALL
    SELECT n.project_id, n.location, n.cluster, n.name, TRIM(a.value), 'annotation', k.pair_key, k.place
    FROM ${dataset}.namespaces AS n
    CROSS JOIN UNNEST(n.annotations) AS a
    JOIN keys_of_teams AS k ON k.form = 'annotation' AND k.pair_key = a.key
  ),
  candidates AS (
    SELECT
      w.project_id,
      w.location,
      w.cluster,
      w.namespace,
      w.uid,
      l.value AS said,
      IF(w.known_through_pods, 'pod label', 'workload label') AS evidence,
      k.pair_key AS evidence_key,
      'certain' AS confidence,
      k.place AS place
    FROM ${dataset}.workloads AS w
    CROSS JOIN UNNEST(w.labels) AS l
    JOIN keys_of_teams AS k ON k.form = 'label' AND k.pair_key = l.key
    UNION ALL
    SELECT
      w.project_id,
      w.location,
      w.cluster,
      w.namespace,
      w.uid,
      TRIM(a.value),
      'workload annotation',
      k.pair_key,
      'certain',
      1000 + k.place
    FROM ${dataset}.workloads AS w
    CROSS JOIN UNNEST(w.annotations) AS a
    JOIN keys_of_teams AS k ON k.form = 'annotation' AND k.pair_key = a.key
    UNION ALL
    SELECT
      s.project_id,
      s.location,
      s.cluster,
      s.namespace,
      s.uid,
      l.said,
      'pod label',
      l.pair_key,
      'certain',
      2000 + l.place
    FROM of_pods AS s
    JOIN (
      SELECT
        p.project_id,
        p.location,
        p.cluster,
        p.namespace,
        p.workload_uid,
        k.pair_key,
        k.place,
        MIN(l.value) AS said,
        COUNT(DISTINCT l.value) AS said_values,
        COUNT(*) AS pods
      FROM running AS p
      CROSS JOIN UNNEST(p.labels) AS l
      JOIN keys_of_teams AS k ON k.form = 'label' AND k.pair_key = l.key
      GROUP BY 1, 2, 3, 4, 5, 6, 7
    ) AS l
      ON l.project_id = s.project_id AND l.location = s.location AND l.cluster = s.cluster
      AND l.namespace = s.namespace AND l.workload_uid = s.uid
    WHERE l.said_values = 1 AND l.pods = s.pods
    UNION ALL
    SELECT
      s.project_id,
      s.location,
      s.cluster,
      s.namespace,
      s.uid,
      n.said,
      CONCAT('namespace ', n.form),
      n.pair_key,
      'likely',
      IF(n.form = 'label', 3000, 4000) + n.place
    FROM subjects AS s
    JOIN of_namespaces AS n
      ON n.project_id = s.project_id AND n.location = s.location AND n.cluster = s.cluster
      AND n.namespace = s.namespace
    UNION ALL
    SELECT
      s.project_id,
      s.location,
      s.cluster,
      s.namespace,
      s.uid,
      s.managed_by_name,
      IF(s.managed_by = 'helm', 'helm release', 'gitops application'),
      s.managed_by_key,
      'possible',
      5000
    FROM subjects AS s
    WHERE s.managed_by IN ('argocd', 'flux', 'config_sync', 'helm')
    UNION ALL
    SELECT
      w.project_id,
      w.location,
      w.cluster,
      w.namespace,
      w.uid,
      MIN(writer),
      'field manager',
      'managedFields',
      'possible',
      6000
    FROM ${dataset}.workloads AS w
    CROSS JOIN UNNEST(w.field_managers) AS writer
    -- tools, controllers, and what programs send that give no name of their own
    WHERE NOT REGEXP_CONTAINS(
      writer,
      CONCAT(
        r'^(?i)(kube|helm|kustomize|argo|flux|configsync|configmanagement|terraform|hashicorp|pulumi|skaffold|rancher|',
        r'google|gke|gcp|gmp|cloud|cluster-|vpa|lens|k9s|octant|go-http-client|python|java|okhttp|node-fetch|openapi|',
        r'mozilla|curl|manager|controller|unknown|before-first-apply)'
      )
    )
    GROUP BY 1, 2, 3, 4, 5
    HAVING COUNT(*) = 1
    UNION ALL
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      c.namespace,
      c.workload_uid,
      MIN(REGEXP_EXTRACT(c.image_repository, r'^(.+)/[^/]+$')),
      'image path',
      'image_repository',
      'possible',
      7000
    FROM ${dataset}.containers AS c
    WHERE
      c.image_registry NOT IN (
        'docker.io', 'quay.io', 'ghcr.io', 'registry.k8s.io', 'k8s.gcr.io', 'gke.gcr.io', 'public.ecr.aws',
        'mcr.microsoft.com', 'nvcr.io', 'registry.gitlab.com'
      )
    GROUP BY 1, 2, 3, 4, 5
    HAVING COUNT(DISTINCT REGEXP_EXTRACT(c.image_repository, r'^(.+)/[^/]+$')) = 1
  ),
  chosen AS (
    SELECT *
    FROM candidates
    WHERE said <> ''
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, location, cluster, namespace, uid ORDER BY place, said) = 1
  )
SELECT
  s.project_id,
  s.location,
  s.cluster,
  s.namespace,
  s.api_version,
  s.kind,
  s.name,
  s.uid,
  SUBSTR(e.said, 1, 253) AS team,
  e.evidence,
  e.evidence_key,
  CASE
    WHEN e.confidence IS NOT NULL THEN e.confidence
    WHEN s.is_read AND k.has_pods AND n.name IS NOT NULL THEN 'none'
    ELSE 'unknown'
  END AS confidence,
  ARRAY_CONCAT(
    IF(s.is_read, [], ['workloads']),
    IF(COALESCE(k.has_pods, FALSE), [], ['pods']),
    IF(n.name IS NULL, ['namespaces'], [])
  ) AS not_read,
  s.managed_by,
  s.managed_by_name,
  s.managed_by_key,
  REGEXP_CONTAINS(s.namespace, r'^(kube|gke|gmp)-') AS is_system,
  IF(k.has_pods, COALESCE(s.pods, 0), NULL) AS pods,
  IF(k.has_pods, COALESCE(s.ready_pods, 0), NULL) AS ready_pods,
  IF(k.has_pods, COALESCE(s.cpu_request_millicores, 0), NULL) AS cpu_request_millicores,
  IF(k.has_pods, COALESCE(s.memory_request_bytes, 0), NULL) AS memory_request_bytes,
  s.snapshot_id,
  s.snapshot_time,
  s.read_at,
  GREATEST(s.read_age_seconds, k.pods_age_seconds, k.namespaces_age_seconds) AS read_age_seconds,
  CASE
    WHEN s.read_status <> 'ok' THEN s.read_status
    WHEN k.pods_status <> 'ok' THEN k.pods_status
    ELSE k.namespaces_status
  END AS read_status
FROM subjects AS s
JOIN readings AS k
  ON k.project_id = s.project_id AND k.location = s.location AND k.cluster = s.cluster
LEFT JOIN chosen AS e
  ON e.project_id = s.project_id AND e.location = s.location AND e.cluster = s.cluster
  AND e.namespace = s.namespace AND e.uid = s.uid
LEFT JOIN ${dataset}.namespaces AS n
  ON n.project_id = s.project_id AND n.location = s.location AND n.cluster = s.cluster AND n.name = s.namespace
