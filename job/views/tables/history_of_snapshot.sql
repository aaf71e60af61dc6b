-- Which ${table} did the GKE API report, in each snapshot?
-- Every committed row: filter on read_at or snapshot_time, and count those of one snapshot only.
-- Scans raw_${table} over all time, unless a query filters on snapshot_time.
--
-- SELECT cluster, read_at, COUNT(*) AS ${table} FROM ${table}_history GROUP BY 1, 2
--
-- * FROM raw_${table}
${more_columns}-- read_at TIMESTAMP: When collecting the cluster began, just after its project was listed.

SELECT
  t.*,
${more}  s.started_at AS read_at
FROM ${dataset}.raw_${table} AS t
JOIN ${dataset}.snapshots AS s ON s.snapshot_id = t.snapshot_id
