-- Which uses of API versions break at a later Kubernetes version, or have broken, and what says so?
-- One row for each object, API version and trace of it; for each version of a custom resource that its server warns of, or
-- in which objects may be stored; and for each list that was not wholly read (`not read`). Without that, no row means no
-- use that a trace shows, of workloads, autoscalers, budgets, Ingresses, runtime classes, resource claims, admission
-- policies, and the kinds that `objects` reads; of others no trace is kept. Traces are those of `other_api_versions`: a
-- program or file that wrote in a version may do so again. What only calls an API leaves none. Removed APIs are those of
-- Kubernetes' Deprecated API Migration Guide, and beta ones of `resource.k8s.io` and `admissionregistration.k8s.io`. A
-- custom resource's versions end with its operator's release. `breaks_at(version)` has those of one Kubernetes version.
-- Scans what ownership, clusters and the tables with `other_api_versions` scan.
--
-- SELECT cluster, evidence, api_version, kind, namespace, name, team FROM deprecated_api_uses WHERE is_served
--
-- project_id, location, cluster FROM coverage
-- api_version STRING: The API version: `batch/v1beta1`. NULL for `not read`.
-- kind STRING: Kind: `CronJob`. NULL for `not read`.
-- namespace STRING: Namespace of the object. NULL if it is in none.
-- name STRING: Name of the object; of a custom resource's version, that of its definition.
-- evidence STRING: `stored`: objects of the custom resource may be stored in the version, which is no longer the one that
--   they are written in. `deprecated`: the server warns of this version of the custom resource. `last applied`: a file
--   that `kubectl apply` has applied. `managed fields`: a program that has written the object. `not read`.
-- confidence STRING: How sure a use is. `likely`: `stored` and `deprecated`, of which the server says so. `possible`:
--   `last applied` and `managed fields`, which may be from long ago. `unknown`: `not read`.
-- written_by STRING: Which program has written it, by `managedFields`. NULL for other evidence.
-- written_at TIMESTAMP: When that was.
-- removed_in STRING: The first Kubernetes version that does not serve the API version: `1.25`. NULL for custom resources
--   and `not read`.
-- replacement STRING: The API version to use. NULL where nothing replaces it, and where that is not known.
-- is_served BOOL: Whether a cluster of this version serves the API version; a beta version may also have to be switched
--   on. If FALSE, no later version breaks it: what still uses it fails today. NULL where that is not known.
-- owner_kind STRING: Kind of the controller of the object: `CronJob` of a Job. NULL without one.
-- owner_name STRING: Name of the controller.
-- team STRING: The team, by `ownership`, if that is `certain` or `likely`: of the workload, of its controller, of the one
--   that an autoscaler scales, or else of all workloads in the namespace, where they have one and the same.
-- resource STRING: The API resource whose list has the object or was not read, as in `coverage`.
-- read_at, read_age_seconds, status AS read_status FROM coverage

WITH
  apis AS (
    SELECT
      SPLIT(line, ' ')[SAFE_OFFSET(0)] AS api_version,
      SPLIT(line, ' ')[SAFE_OFFSET(1)] AS kind,
      SPLIT(line, ' ')[SAFE_OFFSET(2)] AS removed_in,
      SPLIT(line, ' ')[SAFE_OFFSET(3)] AS replacement
    FROM UNNEST(SPLIT(${deprecated_apis}, ',')) AS line
  ),
  written AS (
    SELECT
      project_id,
      location,
      cluster,
      kind,
      namespace,
      name,
      uid,
      owner_kind,
      owner_name,
      owner_uid,
      CAST(NULL AS STRING) AS target_kind,
      CAST(NULL AS STRING) AS target_name,
      resource,
      read_at,
      read_age_seconds,
      read_status,
      other_api_versions
    FROM ${dataset}.workloads
    UNION ALL
    SELECT
      project_id, location, cluster, 'HorizontalPodAutoscaler', namespace, name, uid, owner_kind, owner_name,
      owner_uid, target_kind, target_name, 'horizontalpodautoscalers', read_at, read_age_seconds, read_status,
      other_api_versions
    FROM ${dataset}.autoscalers
    UNION ALL
    SELECT
      project_id, location, cluster, 'PodDisruptionBudget', namespace, name, uid, owner_kind, owner_name, owner_uid,
      NULL, NULL, 'poddisruptionbudgets', read_at, read_age_seconds, read_status, other_api_versions
    FROM ${dataset}.disruption_budgets
    UNION ALL
    SELECT
      project_id, location, cluster, 'Ingress', namespace, name, uid, owner_kind, owner_name, owner_uid, NULL, NULL,
      'ingresses', read_at, read_age_seconds, read_status, other_api_versions
    FROM ${dataset}.ingresses
    UNION ALL
    SELECT
      project_id, location, cluster, 'RuntimeClass', NULL, name, uid, NULL, NULL, NULL, NULL, NULL, 'runtimeclasses',
      read_at, read_age_seconds, read_status, other_api_versions
    FROM ${dataset}.runtime_classes
    UNION ALL
    SELECT
      project_id, location, cluster, 'ResourceClaim', namespace, name, uid, owner_kind, owner_name, owner_uid, NULL,
      NULL, 'resourceclaims', read_at, read_age_seconds, read_status, other_api_versions
    FROM ${dataset}.resource_claims
    UNION ALL
    SELECT
      project_id, location, cluster, 'ValidatingAdmissionPolicy', NULL, name, uid, NULL, NULL, NULL, NULL, NULL,
      'validatingadmissionpolicies', read_at, read_age_seconds, read_status, other_api_versions
    FROM ${dataset}.admission_policies
    UNION ALL
    SELECT
      project_id, location, cluster, kind, namespace, name, uid, owner_kind, owner_name, owner_uid, NULL, NULL,
      resource, read_at, read_age_seconds, read_status, other_api_versions
    FROM ${dataset}.objects
  ),
  definitions AS (
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      c.name,
      c.kind,
      c.api_group,
      c.stored_versions,
      c.read_at,
      c.read_age_seconds,
      c.read_status,
      CONCAT(c.api_group, '/', v.name) AS api_version,
      v.name AS version_name,
      v.served,
      v.storage,
      v.deprecated
    FROM ${dataset}.custom_resource_definitions AS c
    CROSS JOIN UNNEST(c.versions) AS v
  ),
  -- kinds whose versions their definitions say
  defined AS (
    SELECT DISTINCT project_id, location, cluster, api_group, kind FROM definitions
  ),
  teams AS (
    SELECT
      project_id,
      location,
      cluster,
      namespace,
      ARRAY_AGG(STRUCT(uid, kind, name, IF(confidence IN ('certain', 'likely'), team, NULL) AS team)) AS owned,
      IF(
        COUNT(*) = COUNTIF(confidence IN ('certain', 'likely')) AND MIN(team) = MAX(team),
        MIN(team),
        NULL
      ) AS team
    FROM ${dataset}.ownership
    GROUP BY 1, 2, 3, 4
  )
SELECT
  w.project_id,
  w.location,
  w.cluster,
  o.api_version,
  w.kind,
  w.namespace,
  w.name,
  IF(o.source = 'last-applied', 'last applied', 'managed fields') AS evidence,
  'possible' AS confidence,
  o.field_manager AS written_by,
  o.written_at,
  a.removed_in,
  a.replacement,
  IF(
    a.kind IS NULL,
    COALESCE(v.served, FALSE),
    SAFE_CAST(REGEXP_EXTRACT(g.control_plane_version, r'^1\.(\d+)\.') AS INT64)
      < CAST(SUBSTR(a.removed_in, 3) AS INT64)
  ) AS is_served,
  w.owner_kind,
  w.owner_name,
  COALESCE(
    (
      SELECT MIN(s.team)
      FROM UNNEST(t.owned) AS s
      WHERE s.uid = w.uid OR s.uid = w.owner_uid OR (s.kind = w.target_kind AND s.name = w.target_name)
    ),
    t.team
  ) AS team,
  w.resource,
  w.read_at,
  w.read_age_seconds,
  w.read_status
FROM written AS w
CROSS JOIN UNNEST(w.other_api_versions) AS o
LEFT JOIN apis AS a ON a.api_version = o.api_version AND a.kind = w.kind
LEFT JOIN definitions AS v
  ON v.project_id = w.project_id AND v.location = w.location AND v.cluster = w.cluster
  AND v.kind = w.kind AND v.api_version = o.api_version
LEFT JOIN defined AS d
  ON d.project_id = w.project_id AND d.location = w.location AND d.cluster = w.cluster
  AND d.kind = w.kind AND d.api_group = REGEXP_EXTRACT(o.api_version, '^([^/]+)/')
LEFT JOIN ${dataset}.clusters AS g
  ON g.project_id = w.project_id AND g.location = w.location AND g.cluster = w.cluster
LEFT JOIN teams AS t
  ON t.project_id = w.project_id AND t.location = w.location AND t.cluster = w.cluster AND t.namespace = w.namespace
WHERE a.kind IS NOT NULL OR (d.kind IS NOT NULL AND (v.served AND NOT v.deprecated) IS NOT TRUE)
UNION ALL
SELECT
  v.project_id,
  v.location,
  v.cluster,
  v.api_version,
  v.kind,
  NULL,
  v.name,
  found.evidence,
  'likely',
  NULL,
  NULL,
  NULL,
  s.api_version,
  v.served,
  NULL,
  NULL,
  NULL,
  'customresourcedefinitions',
  v.read_at,
  v.read_age_seconds,
  v.read_status
FROM definitions AS v
LEFT JOIN definitions AS s
  ON s.project_id = v.project_id AND s.location = v.location AND s.cluster = v.cluster AND s.name = v.name
  AND s.storage
CROSS JOIN UNNEST([
  STRUCT('stored' AS evidence, NOT v.storage AND v.version_name IN UNNEST(v.stored_versions) AS is_found),
  STRUCT('deprecated' AS evidence, v.served AND v.deprecated AS is_found)
]) AS found
WHERE found.is_found
UNION ALL
SELECT
  project_id,
  location,
  cluster,
  NULL,
  NULL,
  NULL,
  NULL,
  'not read',
  'unknown',
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  resource,
  read_at,
  read_age_seconds,
  status
FROM ${dataset}.coverage
WHERE
  status <> 'ok'
  AND (
    resource IN (
      '*', 'projects', 'clusters', 'deployments', 'statefulsets', 'daemonsets', 'replicasets', 'jobs', 'cronjobs',
      'horizontalpodautoscalers', 'poddisruptionbudgets', 'ingresses', 'runtimeclasses', 'resourceclaims',
      'validatingadmissionpolicies', 'customresourcedefinitions', 'objects'
    )
    OR STRPOS(resource, '.') > 0
  )
UNION ALL
-- other kinds were not looked for at all
SELECT
  project_id,
  location,
  cluster,
  NULL,
  NULL,
  NULL,
  NULL,
  'not read',
  'unknown',
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  NULL,
  'objects',
  NULL,
  NULL,
  'off'
FROM (
  SELECT project_id, location, cluster
  FROM ${dataset}.coverage
  WHERE cluster IS NOT NULL
  GROUP BY project_id, location, cluster
  HAVING COUNTIF(resource IN ('objects', '*')) = 0
)
