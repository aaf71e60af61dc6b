-- How much CPU and memory do the pods of each namespace request?
-- One row for each namespace that has pods. Pods that have succeeded or failed reserve nothing and are not counted.
-- Scans what pods scan.
--
-- SELECT cluster, namespace, pods, cpu_request_millicores FROM capacity_by_namespace ORDER BY cpu_request_millicores DESC LIMIT 10
--
-- project_id, location, cluster, namespace FROM pods
-- pods INT64: Number of pods that reserve resources.
-- pods_unscheduled INT64: How many of the pods are on no node yet.
-- cpu_request_millicores NUMERIC: CPU that the pods request, in thousandths of a core.
-- memory_request_bytes NUMERIC: Memory that the pods request, in bytes.
-- cpu_limit_millicores NUMERIC: Sum of the CPU limits, in thousandths of a core, of the pods that have one. NULL where
--   no pod has one.
-- memory_limit_bytes NUMERIC: Sum of the memory limits, in bytes, of the pods that have one. NULL where no pod has one.
-- pods_without_cpu_limit INT64: How many of the pods have no CPU limit.
-- pods_without_memory_limit INT64: How many of the pods have no memory limit.
-- pods_unparsed INT64: How many of the pods have a request or limit that is in none of these sums, because it is no
--   valid quantity or exceeds 64 bits: see unparsed_quantities of pods.
-- read_age_seconds, read_status FROM pods

SELECT
  p.project_id,
  p.location,
  p.cluster,
  p.namespace,
  COUNT(*) AS pods,
  COUNTIF(p.node IS NULL) AS pods_unscheduled,
  COALESCE(SUM(CAST(p.cpu_request_millicores AS NUMERIC(29))), 0) AS cpu_request_millicores,
  COALESCE(SUM(CAST(p.memory_request_bytes AS NUMERIC(29))), 0) AS memory_request_bytes,
  SUM(CAST(p.cpu_limit_millicores AS NUMERIC(29))) AS cpu_limit_millicores,
  SUM(CAST(p.memory_limit_bytes AS NUMERIC(29))) AS memory_limit_bytes,
  -- a limit that could not be parsed is not missing
  COUNTIF(p.cpu_limit_millicores IS NULL AND 'limits.cpu' NOT IN UNNEST(p.unparsed_quantities)) AS pods_without_cpu_limit,
  COUNTIF(p.memory_limit_bytes IS NULL AND 'limits.memory' NOT IN UNNEST(p.unparsed_quantities))
    AS pods_without_memory_limit,
  COUNTIF(ARRAY_LENGTH(p.unparsed_quantities) > 0) AS pods_unparsed,
  p.read_age_seconds,
  p.read_status
FROM ${dataset}.pods AS p
WHERE COALESCE(p.phase, 'Unknown') NOT IN ('Succeeded', 'Failed')
GROUP BY p.project_id, p.location, p.cluster, p.namespace, p.read_age_seconds, p.read_status
