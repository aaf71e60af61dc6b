-- What happened to each resource of each cluster, and to each project's list of clusters, in each committed snapshot?
-- Scans raw_collections, and what snapshots scans, over all time.
--
-- SELECT resource, outcome, reason, COUNT(*) AS lists FROM collections WHERE outcome <> 'ok' GROUP BY 1, 2, 3
--
-- * FROM raw_collections

SELECT c.*
FROM ${dataset}.raw_collections AS c
LEFT JOIN ${dataset}.snapshots AS s ON s.snapshot_id = c.snapshot_id
LEFT JOIN ${dataset}.committed_attempts AS a ON a.snapshot_id = c.snapshot_id
WHERE s.snapshot_id IS NOT NULL OR a.snapshot_id IS NOT NULL
