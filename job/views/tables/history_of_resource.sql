-- Which ${table} existed, in each reading?
-- Every committed row: filter on read_at or snapshot_time, and count objects of one reading only.
-- Scans raw_${table} over all time, unless a query filters on snapshot_time.
--
-- SELECT cluster, read_at, COUNT(*) AS ${table} FROM ${table}_history GROUP BY 1, 2
--
-- * FROM raw_${table}
${more_columns}-- read_at FROM readings

SELECT
  t.*,
${more}  r.read_at
FROM ${dataset}.raw_${table} AS t
JOIN ${dataset}.readings AS r ON r.snapshot_id = t.snapshot_id AND r.resource = ${resource}
