-- Which attempts do the views of the present need, however old they are?
-- All attempts of the runs that took the newest snapshots, readings and lists of projects, and those before them, with
-- which `changes` compares. Views of the present read these beside the rows of the last hours, and `prune` keeps them.
-- Scans what coverage scans.
--
-- SELECT run_id, snapshot_time FROM needed_attempts ORDER BY snapshot_time LIMIT 10
--
-- run_id, task_index, attempt, snapshot_time FROM recent_committed_attempts

WITH
  clusters AS (
    SELECT * FROM ${dataset}.latest_snapshots
  ),
  taken AS (
    SELECT * FROM ${dataset}.recent_snapshots
  ),
  lists AS (
    SELECT * FROM ${dataset}.recent_project_lists
  ),
  -- what was asked of each cluster that exists, the newest first: any list, and those that were read to the end
  asked AS (
    SELECT
      s.run_id,
      ROW_NUMBER() OVER (
        PARTITION BY c.project_id, c.location, c.cluster, c.resource
        ORDER BY c.started_at DESC, c.snapshot_time DESC, s.attempt DESC, c.snapshot_id DESC
      ) AS newest,
      ROW_NUMBER() OVER (
        PARTITION BY
          c.project_id,
          c.location,
          c.cluster,
          c.resource,
          c.outcome IN ('ok', 'partial'),
          s.cluster_id IS NULL
        ORDER BY c.started_at DESC, c.snapshot_time DESC, s.attempt DESC, c.snapshot_id DESC
      ) AS newest_of_outcome
    FROM ${dataset}.recent_collections AS c
    JOIN taken AS s ON s.snapshot_id = c.snapshot_id
    JOIN clusters AS n ON n.project_id = s.project_id AND n.location = s.location AND n.cluster = s.cluster
    WHERE c.outcome <> 'off' AND (n.cluster_id IS NULL OR s.cluster_id IS NULL OR n.cluster_id = s.cluster_id)
  ),
  -- the snapshot before the newest one, by another run
  before AS (
    SELECT p.run_id
    FROM clusters AS n
    JOIN taken AS p
      ON p.project_id = n.project_id AND p.location = n.location AND p.cluster = n.cluster AND p.run_id <> n.run_id
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY n.snapshot_id, p.cluster_id IS NULL
      ORDER BY p.started_at DESC, p.snapshot_time DESC, p.attempt DESC, p.snapshot_id DESC
    ) = 1
  ),
  -- the last two whole lists of each project, by two runs
  whole_lists AS (
    SELECT run_id
    FROM (
      SELECT *
      FROM lists
      WHERE outcome = 'ok'
      QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource, run_id ORDER BY newest) = 1
    )
    QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource ORDER BY started_at DESC, run_id DESC) <= 2
  ),
  -- the last list that shows a cluster which nobody has collected
  sightings AS (
    SELECT l.project_id, l.resource, listed AS path, l.run_id, l.started_at
    FROM lists AS l
    CROSS JOIN UNNEST(l.listed_clusters) AS listed
    LEFT JOIN clusters AS n ON n.project_id = l.project_id AND CONCAT(n.location, '/', n.cluster) = listed
    WHERE NOT l.under_way AND n.snapshot_id IS NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY l.project_id, listed ORDER BY l.newest) = 1
  ),
  -- of clusters that were deleted, nothing is needed
  gone AS (
    SELECT DISTINCT s.project_id, s.path
    FROM sightings AS s
    JOIN lists AS l ON l.project_id = s.project_id AND l.resource = s.resource AND l.started_at > s.started_at
    WHERE l.outcome = 'ok' AND s.path NOT IN UNNEST(l.listed_clusters)
  ),
  -- the newest list, and that of a finished run: of each project, and of each configuration since any snapshot above;
  -- and the newest that says in which folders the project was
  last_lists AS (
    SELECT run_id, known_by_run_id
    FROM lists
    QUALIFY
      ROW_NUMBER() OVER (PARTITION BY project_id, resource, under_way ORDER BY newest) = 1
      OR (
        ARRAY_LENGTH(ancestors) > 0
        AND ROW_NUMBER() OVER (PARTITION BY project_id, resource, ARRAY_LENGTH(ancestors) > 0 ORDER BY newest) = 1
      )
      OR (
        started_at > (SELECT MIN(started_at) FROM clusters)
        AND (
          ROW_NUMBER() OVER (PARTITION BY project_id, resource, config_digest ORDER BY newest) = 1
          OR ROW_NUMBER() OVER (PARTITION BY project_id, resource, config_digest, under_way ORDER BY newest) = 1
        )
      )
  ),
  -- lists that prove that a cluster was deleted before one of its name was made again, which nobody has collected
  proofs AS (
    SELECT l.run_id
    FROM (
      SELECT *
      FROM lists
      WHERE outcome = 'ok'
      QUALIFY ROW_NUMBER() OVER (PARTITION BY project_id, resource ORDER BY newest) = 1
    ) AS w
    CROSS JOIN UNNEST(w.listed_clusters) AS listed
    JOIN lists AS l ON l.project_id = w.project_id AND l.resource = w.resource
    LEFT JOIN clusters AS n ON n.project_id = w.project_id AND CONCAT(n.location, '/', n.cluster) = listed
    WHERE l.outcome = 'ok' AND listed NOT IN UNNEST(l.listed_clusters) AND n.snapshot_id IS NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY w.project_id, listed ORDER BY l.newest) = 1
  ),
  -- the last search of each scope that Cloud Asset Inventory was asked for, and the last that it answered
  searches AS (
    SELECT run_id
    FROM ${dataset}.recent_collections
    WHERE resource = 'cloud_asset_inventory' AND required IS NOT FALSE
    QUALIFY
      ROW_NUMBER() OVER (PARTITION BY project_id ORDER BY started_at DESC, snapshot_id DESC) = 1
      OR ROW_NUMBER() OVER (
        PARTITION BY project_id, outcome IN ('ok', 'partial')
        ORDER BY started_at DESC, snapshot_id DESC
      ) = 1
  ),
  needed AS (
    SELECT run_id FROM clusters
    UNION DISTINCT
    SELECT run_id FROM asked WHERE newest = 1 OR newest_of_outcome = 1
    UNION DISTINCT
    SELECT s.run_id
    FROM ${dataset}.last_two_readings AS r
    JOIN taken AS s ON s.snapshot_id IN (r.snapshot_id, r.previous_snapshot_id, r.whole_snapshot_id)
    UNION DISTINCT
    SELECT run_id FROM before
    UNION DISTINCT
    SELECT run_id FROM whole_lists
    UNION DISTINCT
    SELECT s.run_id
    FROM sightings AS s
    LEFT JOIN gone ON gone.project_id = s.project_id AND gone.path = s.path
    WHERE gone.path IS NULL
    UNION DISTINCT
    SELECT run_id FROM last_lists
    UNION DISTINCT
    SELECT known_by_run_id FROM last_lists WHERE known_by_run_id IS NOT NULL
    UNION DISTINCT
    SELECT run_id FROM proofs
    UNION DISTINCT
    SELECT run_id FROM searches
  )
SELECT a.run_id, a.task_index, a.attempt, a.snapshot_time
FROM ${dataset}.recent_committed_attempts AS a
JOIN needed ON needed.run_id = a.run_id
