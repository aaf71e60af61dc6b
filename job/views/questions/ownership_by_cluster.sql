-- What share of the workloads, pods and requests of each cluster has a known owner?
-- One row for each cluster that has workloads. An owner is known where `ownership` is `certain` or `likely`. System
-- namespaces are left out. What was not read counts as not owned, and `workloads_unknown` says how many such there are.
-- Scans what ownership scans.
--
-- SELECT cluster, workloads, workloads_owned_share, pods_owned_share FROM ownership_by_cluster ORDER BY 4
--
-- project_id, location, cluster FROM ownership
-- workloads INT64: Number of workloads.
-- workloads_owned INT64: How many have a known owner.
-- workloads_possible INT64: How many have only `possible` evidence.
-- workloads_none INT64: How many have no owner: nothing says it, and all was read.
-- workloads_unknown INT64: How many may have one in what was not read.
-- workloads_owned_share FLOAT64: Share of the workloads that have a known owner, from 0 to 1.
-- pods INT64: Number of pods that have not succeeded or failed. NULL where pods were never read, as are the other
--   columns about pods and requests.
-- pods_owned INT64: How many of them have a known owner.
-- pods_owned_share FLOAT64: Their share, from 0 to 1. NULL where there are no pods.
-- cpu_request_millicores NUMERIC: CPU that the pods request, in thousandths of a core.
-- cpu_request_owned_share FLOAT64: Share of it that has a known owner, from 0 to 1. NULL where nothing is requested.
-- memory_request_bytes NUMERIC: Memory that the pods request, in bytes.
-- memory_request_owned_share FLOAT64: Share of it that has a known owner, from 0 to 1. NULL where nothing is requested.
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row.
-- read_status STRING: The worst of those readings: `ok`, `partial`, `stale` or `off`.

WITH
  owned AS (
    SELECT o.*, o.confidence IN ('certain', 'likely') AS is_owned
    FROM ${dataset}.ownership AS o
    WHERE NOT o.is_system
  )
SELECT
  project_id,
  location,
  cluster,
  COUNT(*) AS workloads,
  COUNTIF(is_owned) AS workloads_owned,
  COUNTIF(confidence = 'possible') AS workloads_possible,
  COUNTIF(confidence = 'none') AS workloads_none,
  COUNTIF(confidence = 'unknown') AS workloads_unknown,
  COUNTIF(is_owned) / COUNT(*) AS workloads_owned_share,
  SUM(owned.pods) AS pods,
  SUM(IF(is_owned, owned.pods, owned.pods * 0)) AS pods_owned,
  SAFE_DIVIDE(SUM(IF(is_owned, owned.pods, owned.pods * 0)), SUM(owned.pods)) AS pods_owned_share,
  SUM(owned.cpu_request_millicores) AS cpu_request_millicores,
  SAFE_DIVIDE(
    CAST(SUM(IF(is_owned, owned.cpu_request_millicores, 0)) AS FLOAT64),
    CAST(SUM(owned.cpu_request_millicores) AS FLOAT64)
  ) AS cpu_request_owned_share,
  SUM(owned.memory_request_bytes) AS memory_request_bytes,
  SAFE_DIVIDE(
    CAST(SUM(IF(is_owned, owned.memory_request_bytes, 0)) AS FLOAT64),
    CAST(SUM(owned.memory_request_bytes) AS FLOAT64)
  ) AS memory_request_owned_share,
  MAX(owned.read_age_seconds) AS read_age_seconds,
  CASE
    WHEN COUNTIF(owned.read_status = 'stale') > 0 THEN 'stale'
    WHEN COUNTIF(owned.read_status = 'partial') > 0 THEN 'partial'
    ELSE MIN(owned.read_status)
  END AS read_status
FROM owned
GROUP BY project_id, location, cluster
