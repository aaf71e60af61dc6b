-- How much of the fleet was read on each day?
-- One row for each day in UTC, project and resource, from the first day on which a run listed or read anything of the
-- project to the last day of any run. To get the share of several rows, add up their clusters first, then divide. A
-- day's clusters are those that a run attempted to read, and those in a complete list of the project's clusters; where
-- `list_outcome` is not `ok`, others may exist. A resource is read on the day on which its list began. The resource
-- `clusters` is what the GKE API says: it is read if a run collected the cluster, whatever it could read in it.
-- Days from which `prune` or an expiry has deleted snapshots look less complete than they were.
-- Scans what collections and snapshots scan, over all time.
--
-- SELECT day, SUM(clusters_ok) AS ok, SUM(clusters_known) AS known FROM trust WHERE resource = 'pods' GROUP BY day ORDER BY day
--
-- day TIMESTAMP: Midnight UTC, when the day begins.
-- project_id FROM collections
-- resource STRING: The API resource: `pods`, `deployments`, ...; `clusters` for what the GKE API says.
-- runs INT64: Number of runs that listed or read anything of the project on the day. 0 if there were none.
-- list_outcome STRING: Best outcome of the lists of the project's clusters on the day, as in `collections`. NULL if no
--   run listed them.
-- clusters_known INT64: Number of clusters that are known to have existed on the day.
-- clusters_ok INT64: How many of them had the resource read to the end at least once on the day.
-- clusters_partial INT64: How many had it read at best to the end except for some objects.
-- clusters_unread INT64: How many did not have it read.
-- unread_outcome STRING: How the last attempts in most of those ended, as in `collections`; or `not_collected`: none was
--   made on the day. NULL if all were read.
-- unread_reason STRING: The reason of those attempts, as in `collections`. NULL if they have none.
-- ok_share FLOAT64: `clusters_ok` divided by `clusters_known`, from 0 to 1. NULL if no cluster is known.

WITH
  all_collections AS (
    SELECT *, DIV(UNIX_MICROS(started_at), 86400000000) AS day_number FROM ${dataset}.collections
  ),
  lists AS (
    SELECT * FROM all_collections WHERE resource = 'clusters' AND cluster IS NULL
  ),
  attempts AS (
    SELECT project_id, location, cluster, resource, day_number, run_id, outcome, reason, started_at
    FROM all_collections
    WHERE resource NOT IN ('clusters', 'memberships', 'projects')
    UNION ALL
    SELECT
      project_id,
      location,
      cluster,
      'clusters',
      DIV(UNIX_MICROS(started_at), 86400000000),
      run_id,
      'ok',
      NULL,
      started_at
    FROM ${dataset}.snapshots
  ),
  -- of each resource of each cluster: whether any attempt of the day read it, else the last one
  best AS (
    SELECT *
    FROM attempts
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY project_id, location, cluster, resource, day_number
      ORDER BY CASE outcome WHEN 'ok' THEN 0 WHEN 'partial' THEN 1 ELSE 2 END, started_at DESC, run_id DESC, outcome
    ) = 1
  ),
  known_clusters AS (
    SELECT project_id, location, cluster, day_number FROM best
    UNION DISTINCT
    SELECT l.project_id, SPLIT(listed, '/')[SAFE_OFFSET(0)], SPLIT(listed, '/')[SAFE_OFFSET(1)], l.day_number
    FROM lists AS l
    CROSS JOIN UNNEST(l.listed_clusters) AS listed
    WHERE l.outcome = 'ok'
  ),
  resources AS (
    SELECT resource FROM best
    UNION DISTINCT
    SELECT 'clusters'
  ),
  listings AS (
    SELECT project_id, day_number, outcome
    FROM lists
    QUALIFY ROW_NUMBER() OVER (
      PARTITION BY project_id, day_number
      ORDER BY CASE outcome WHEN 'ok' THEN 0 WHEN 'partial' THEN 1 ELSE 2 END, started_at DESC, run_id DESC, outcome
    ) = 1
  ),
  runs_of AS (
    SELECT project_id, day_number, COUNT(DISTINCT run_id) AS runs
    FROM (
      SELECT project_id, day_number, run_id FROM attempts
      UNION ALL
      SELECT project_id, day_number, run_id FROM lists
    )
    GROUP BY 1, 2
  ),
  days AS (
    SELECT f.project_id, day_number
    FROM (SELECT project_id, MIN(day_number) AS first_day FROM runs_of GROUP BY 1) AS f
    CROSS JOIN (SELECT MAX(day_number) AS last_day FROM runs_of) AS l
    CROSS JOIN UNNEST(GENERATE_ARRAY(f.first_day, l.last_day)) AS day_number
  ),
  outcomes AS (
    SELECT
      k.project_id,
      k.day_number,
      r.resource,
      COALESCE(b.outcome, 'not_collected') AS outcome,
      b.reason,
      COUNT(*) AS clusters
    FROM known_clusters AS k
    CROSS JOIN resources AS r
    LEFT JOIN best AS b
      ON b.project_id = k.project_id
      AND b.location = k.location
      AND b.cluster = k.cluster
      AND b.day_number = k.day_number
      AND b.resource = r.resource
    GROUP BY 1, 2, 3, 4, 5
  ),
  ranked AS (
    SELECT
      *,
      outcome NOT IN ('ok', 'partial') AS is_unread,
      ROW_NUMBER() OVER (
        PARTITION BY project_id, day_number, resource, outcome IN ('ok', 'partial')
        ORDER BY clusters DESC, outcome, reason
      ) AS rank_among
    FROM outcomes
  ),
  counted AS (
    SELECT
      project_id,
      day_number,
      resource,
      SUM(clusters) AS clusters_known,
      SUM(IF(outcome = 'ok', clusters, 0)) AS clusters_ok,
      SUM(IF(outcome = 'partial', clusters, 0)) AS clusters_partial,
      SUM(IF(is_unread, clusters, 0)) AS clusters_unread,
      MAX(IF(is_unread AND rank_among = 1, outcome, NULL)) AS unread_outcome,
      MAX(IF(is_unread AND rank_among = 1, reason, NULL)) AS unread_reason
    FROM ranked
    GROUP BY 1, 2, 3
  )
SELECT
  TIMESTAMP_SECONDS(d.day_number * 86400) AS day,
  d.project_id,
  r.resource,
  COALESCE(n.runs, 0) AS runs,
  l.outcome AS list_outcome,
  COALESCE(c.clusters_known, 0) AS clusters_known,
  COALESCE(c.clusters_ok, 0) AS clusters_ok,
  COALESCE(c.clusters_partial, 0) AS clusters_partial,
  COALESCE(c.clusters_unread, 0) AS clusters_unread,
  c.unread_outcome,
  c.unread_reason,
  SAFE_DIVIDE(c.clusters_ok, c.clusters_known) AS ok_share
FROM days AS d
CROSS JOIN resources AS r
LEFT JOIN runs_of AS n ON n.project_id = d.project_id AND n.day_number = d.day_number
LEFT JOIN listings AS l ON l.project_id = d.project_id AND l.day_number = d.day_number
LEFT JOIN counted AS c
  ON c.project_id = d.project_id AND c.day_number = d.day_number AND c.resource = r.resource
