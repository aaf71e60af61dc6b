-- Which resources of which clusters were read to the end, and when?
-- One row for each resource of each committed snapshot that was read. All state is computed from readings: a resource
-- that could not be read keeps its last one. Clusters that are deleted by now keep theirs.
-- Scans collections and snapshots, over all time.
--
-- SELECT project_id, cluster, resource, read_at, objects FROM readings WHERE newest = 1
--
-- project_id, location, cluster FROM snapshots
-- cluster_id FROM snapshots
-- resource STRING: The API resource: `pods`, `deployments`, ...
-- outcome STRING: `ok`: read to the end. `partial`: read to the end, except for some objects.
-- objects INT64: Number of objects that were read.
-- read_at TIMESTAMP: When reading began.
-- snapshot_id, snapshot_time, run_id FROM snapshots
-- newest INT64: Rank among the readings of the resource: 1 is the newest.

SELECT
  s.project_id,
  s.location,
  s.cluster,
  s.cluster_id,
  c.resource,
  c.outcome,
  c.objects,
  c.started_at AS read_at,
  s.snapshot_id,
  s.snapshot_time,
  s.run_id,
  ROW_NUMBER() OVER (
    PARTITION BY s.project_id, s.location, s.cluster, c.resource
    ORDER BY c.started_at DESC, s.snapshot_time DESC, s.attempt DESC, s.snapshot_id DESC
  ) AS newest
FROM ${dataset}.collections AS c
JOIN ${dataset}.snapshots AS s ON s.snapshot_id = c.snapshot_id
WHERE c.outcome IN ('ok', 'partial') AND c.cluster IS NOT NULL
