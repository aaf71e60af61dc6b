-- Which containers lack a CPU or memory request or limit, and which of them?
-- One row for each container of a workload: of its running pods or, where none runs, of its template. What a LimitRange
-- of the namespace adds is in pods, not in templates. An amount of 0 reserves and limits nothing, so it is missing. A
-- request or limit of the whole pod (`spec.resources`) bounds all of its containers.
-- Scans what workload_containers scans.
--
-- SELECT cluster, namespace, workload_name, container, missing FROM without_limits WHERE container_type <> 'init'
--
-- project_id, location, cluster, namespace, workload_api_group, workload_kind, workload_name FROM workload_containers
-- pod STRING: One of the running pods that lack it. NULL for a template.
-- pods INT64: How many running pods lack it. 0 for a template.
-- container_type, container FROM workload_containers
-- missing ARRAY<STRING>: What is missing: `cpu_request`, `cpu_limit`, `memory_request`, `memory_limit`. A limit also
--   counts as the request, since the API server copies it.
-- snapshot_id, snapshot_time, read_at, read_age_seconds, read_status FROM workload_containers

WITH
  unset AS (
    SELECT
      *,
      CONCAT(
        IF(has_cpu_request OR has_cpu_limit, '', 'cpu_request '),
        IF(has_cpu_limit, '', 'cpu_limit '),
        IF(has_memory_request OR has_memory_limit, '', 'memory_request '),
        IF(has_memory_limit, '', 'memory_limit ')
      ) AS missing
    FROM (
      -- a quantity that could not be parsed is not missing
      SELECT
        *,
        COALESCE(cpu_request_millicores, 0) <> 0
          OR 'requests.cpu' IN UNNEST(unparsed_quantities)
          OR 'requests.cpu' IN UNNEST(pod_level_resources) AS has_cpu_request,
        COALESCE(cpu_limit_millicores, 0) <> 0
          OR 'limits.cpu' IN UNNEST(unparsed_quantities)
          OR 'limits.cpu' IN UNNEST(pod_level_resources) AS has_cpu_limit,
        COALESCE(memory_request_bytes, 0) <> 0
          OR 'requests.memory' IN UNNEST(unparsed_quantities)
          OR 'requests.memory' IN UNNEST(pod_level_resources) AS has_memory_request,
        COALESCE(memory_limit_bytes, 0) <> 0
          OR 'limits.memory' IN UNNEST(unparsed_quantities)
          OR 'limits.memory' IN UNNEST(pod_level_resources) AS has_memory_limit
      FROM ${dataset}.workload_containers
      -- ephemeral containers cannot have requests or limits
      WHERE container_type <> 'ephemeral'
    )
  )
SELECT
  project_id,
  location,
  cluster,
  namespace,
  workload_api_group,
  workload_kind,
  workload_name,
  MIN(pod) AS pod,
  COUNT(pod) AS pods,
  container_type,
  container,
  SPLIT(RTRIM(missing), ' ') AS missing,
  snapshot_id,
  snapshot_time,
  read_at,
  read_age_seconds,
  read_status
FROM unset
WHERE missing <> ''
GROUP BY
  project_id,
  location,
  cluster,
  namespace,
  workload_api_group,
  workload_kind,
  workload_name,
  -- the static pods of a node are different ones
  IF(workload_kind = 'Node', unset.pod, NULL),
  container_type,
  container,
  unset.missing,
  snapshot_id,
  snapshot_time,
  read_at,
  read_age_seconds,
  read_status
