-- Which containers lack a CPU or memory request or limit, and which of them?
-- One row for each container in a workload's pod template that lacks one. What a LimitRange of the namespace would add
-- is not in the template, and not counted.
-- Scans what latest_containers scans.
--
-- SELECT cluster, namespace, workload_name, container, missing FROM unbounded WHERE container_type <> 'init'
--
-- project_id, location, cluster, namespace, workload_kind, workload_name, container_type FROM latest_containers
-- name AS container FROM latest_containers
-- missing ARRAY<STRING>: What is missing: `cpu_request`, `cpu_limit`, `memory_request`, `memory_limit`. A limit also
--   counts as the request, since the API server copies it.
-- snapshot_id, snapshot_time, age_seconds, carried_forward FROM latest_containers

WITH
  unset AS (
    SELECT
      project_id,
      location,
      cluster,
      namespace,
      workload_kind,
      workload_name,
      container_type,
      name AS container,
      ARRAY_CONCAT(
        IF(has_cpu_request OR has_cpu_limit, [], ['cpu_request']),
        IF(has_cpu_limit, [], ['cpu_limit']),
        IF(has_memory_request OR has_memory_limit, [], ['memory_request']),
        IF(has_memory_limit, [], ['memory_limit'])
      ) AS missing,
      snapshot_id,
      snapshot_time,
      age_seconds,
      carried_forward
    FROM (
      -- a quantity that could not be parsed is not missing
      SELECT
        *,
        cpu_request_millicores IS NOT NULL OR 'requests.cpu' IN UNNEST(unparsed_quantities) AS has_cpu_request,
        cpu_limit_millicores IS NOT NULL OR 'limits.cpu' IN UNNEST(unparsed_quantities) AS has_cpu_limit,
        memory_request_bytes IS NOT NULL OR 'requests.memory' IN UNNEST(unparsed_quantities) AS has_memory_request,
        memory_limit_bytes IS NOT NULL OR 'limits.memory' IN UNNEST(unparsed_quantities) AS has_memory_limit
      FROM ${dataset}.latest_containers
      -- ephemeral containers cannot have requests or limits
      WHERE container_type <> 'ephemeral'
    )
  )
SELECT *
FROM unset
WHERE ARRAY_LENGTH(missing) > 0
