-- Which workloads differ between clusters, in which image or setting?
-- One row for each field of each container that differs between clusters that have a workload of the same namespace,
-- API group, kind and name, in any project. Values are those of the pods where the workload runs, with what webhooks
-- changed or injected, and of its template elsewhere; while pods differ, such as during a rollout, a cluster's value has
-- all of theirs, separated by commas. A limit without a request is also the request, as the API server has it. A cluster lacks
-- a container if its pods do, or if its template does and another cluster's has it. The view leaves out debug
-- containers, and numbers of replicas: clusters differ in size on purpose.
-- Scans what workload_containers scans.
--
-- SELECT namespace, workload_name, container, field, found_values FROM drift WHERE field = 'image' AND NOT is_system
--
-- namespace, workload_api_group, workload_kind, workload_name, container FROM workload_containers
-- container_type STRING: `init`, `sidecar` or `regular`. NULL where clusters differ.
-- is_system BOOL: True if Kubernetes or GKE has made the namespace: its name starts with `kube-`, `gke-` or `gmp-`.
-- field STRING: What differs: `image`, `cpu_request_millicores`, `cpu_limit_millicores`, `memory_request_bytes`,
--   `memory_limit_bytes`, `privileged`; or `container`: whether the container is there, and of what type.
-- found_values ARRAY<STRING>: The distinct values, as text, the most common one first. `not set` where a cluster has
--   none, `not parsed` where its quantity is invalid or exceeds 64 bits.
-- clusters_of_values ARRAY<STRING>: The clusters that have each of these values, in the same order: `project/location/name`,
--   separated by commas.
-- most_common_value STRING: The value of the most clusters; of several, the first in alphabetical order.
-- clusters INT64: Number of clusters that are compared.
-- clusters_with_other_values INT64: How many of them have another value than the most common one.
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row.
-- read_status STRING: The worst of those readings: `ok`, `partial` or `stale`.

WITH
  uses AS (
    SELECT
      *,
      CONCAT(project_id, '/', location, '/', cluster) AS place,
      CASE read_status WHEN 'ok' THEN 0 WHEN 'partial' THEN 1 ELSE 2 END AS doubt
    FROM ${dataset}.workload_containers
    WHERE container_type <> 'ephemeral'
  ),
  places AS (
    SELECT
      namespace,
      workload_api_group,
      workload_kind,
      workload_name,
      place,
      COUNT(pod) > 0 AS runs,
      MAX(read_age_seconds) AS read_age_seconds,
      MAX(doubt) AS doubt
    FROM uses
    GROUP BY 1, 2, 3, 4, 5
  ),
  containers AS (
    SELECT
      namespace,
      workload_api_group,
      workload_kind,
      workload_name,
      container,
      LOGICAL_OR(pod IS NULL) AS is_in_template
    FROM uses
    GROUP BY 1, 2, 3, 4, 5
  ),
  facts AS (
    SELECT
      u.namespace,
      u.workload_api_group,
      u.workload_kind,
      u.workload_name,
      u.container,
      u.place,
      u.container_type,
      u.read_age_seconds,
      u.doubt,
      fact.field,
      fact.value
    FROM uses AS u
    CROSS JOIN UNNEST([
      STRUCT('container' AS field, u.container_type AS value),
      STRUCT('image' AS field, COALESCE(u.image, 'not set') AS value),
      STRUCT(
        'cpu_request_millicores' AS field,
        COALESCE(
          CAST(u.cpu_request_millicores AS STRING),
          IF('requests.cpu' IN UNNEST(u.unparsed_quantities), 'not parsed', NULL),
          CAST(u.cpu_limit_millicores AS STRING),
          'not set'
        ) AS value
      ),
      STRUCT(
        'cpu_limit_millicores' AS field,
        COALESCE(
          CAST(u.cpu_limit_millicores AS STRING),
          IF('limits.cpu' IN UNNEST(u.unparsed_quantities), 'not parsed', 'not set')
        ) AS value
      ),
      STRUCT(
        'memory_request_bytes' AS field,
        COALESCE(
          CAST(u.memory_request_bytes AS STRING),
          IF('requests.memory' IN UNNEST(u.unparsed_quantities), 'not parsed', NULL),
          CAST(u.memory_limit_bytes AS STRING),
          'not set'
        ) AS value
      ),
      STRUCT(
        'memory_limit_bytes' AS field,
        COALESCE(
          CAST(u.memory_limit_bytes AS STRING),
          IF('limits.memory' IN UNNEST(u.unparsed_quantities), 'not parsed', 'not set')
        ) AS value
      ),
      STRUCT('privileged' AS field, CAST(COALESCE(u.privileged, FALSE) AS STRING) AS value)
    ]) AS fact
    UNION ALL
    -- clusters that lack the container
    SELECT
      p.namespace,
      p.workload_api_group,
      p.workload_kind,
      p.workload_name,
      c.container,
      p.place,
      NULL,
      p.read_age_seconds,
      p.doubt,
      'container',
      'not set'
    FROM places AS p
    JOIN containers AS c
      ON c.namespace = p.namespace
      AND c.workload_api_group = p.workload_api_group
      AND c.workload_kind = p.workload_kind
      AND c.workload_name = p.workload_name
    LEFT JOIN (
      SELECT DISTINCT namespace, workload_api_group, workload_kind, workload_name, container, place FROM uses
    ) AS u
      ON u.namespace = p.namespace
      AND u.workload_api_group = p.workload_api_group
      AND u.workload_kind = p.workload_kind
      AND u.workload_name = p.workload_name
      AND u.container = c.container
      AND u.place = p.place
    WHERE u.place IS NULL AND (p.runs OR c.is_in_template)
  ),
  by_cluster AS (
    SELECT
      namespace,
      workload_api_group,
      workload_kind,
      workload_name,
      container,
      field,
      place,
      ARRAY_TO_STRING(ARRAY_AGG(DISTINCT value ORDER BY value), ', ') AS value,
      MIN(container_type) AS first_type,
      MAX(container_type) AS last_type,
      MAX(read_age_seconds) AS read_age_seconds,
      MAX(doubt) AS doubt
    FROM facts
    GROUP BY 1, 2, 3, 4, 5, 6, 7
  ),
  by_value AS (
    SELECT
      namespace,
      workload_api_group,
      workload_kind,
      workload_name,
      container,
      field,
      value,
      COUNT(*) AS clusters,
      ARRAY_TO_STRING(ARRAY_AGG(place ORDER BY place), ', ') AS places,
      MIN(first_type) AS first_type,
      MAX(last_type) AS last_type,
      MAX(read_age_seconds) AS read_age_seconds,
      MAX(doubt) AS doubt
    FROM by_cluster
    GROUP BY 1, 2, 3, 4, 5, 6, 7
  )
SELECT
  namespace,
  workload_api_group,
  workload_kind,
  workload_name,
  container,
  IF(MIN(first_type) = MAX(last_type), MIN(first_type), NULL) AS container_type,
  REGEXP_CONTAINS(namespace, r'^(kube|gke|gmp)-') AS is_system,
  field,
  ARRAY_AGG(v.value ORDER BY v.clusters DESC, v.value) AS found_values,
  ARRAY_AGG(v.places ORDER BY v.clusters DESC, v.value) AS clusters_of_values,
  ARRAY_AGG(v.value ORDER BY v.clusters DESC, v.value)[SAFE_OFFSET(0)] AS most_common_value,
  SUM(v.clusters) AS clusters,
  SUM(v.clusters) - MAX(v.clusters) AS clusters_with_other_values,
  MAX(read_age_seconds) AS read_age_seconds,
  CASE MAX(doubt) WHEN 0 THEN 'ok' WHEN 1 THEN 'partial' ELSE 'stale' END AS read_status
FROM by_value AS v
GROUP BY 1, 2, 3, 4, 5, 7, 8
HAVING COUNT(*) > 1
