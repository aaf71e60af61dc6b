-- How long does GKE support the version of each cluster and node pool, and what holds its upgrades up?
-- One row for each control plane and each node pool that the GKE API reports. What was not read is NULL, and what was
-- read of another version or channel: dates hold for the minor version, the channel's versions for the channel, targets
-- for the version and the channel. A run asks once a day (UTC), so read_at is older than that of clusters.
-- Scans what clusters, node_pools and upgrade_info scan.
--
-- SELECT cluster, node_pool, version, standard_support_days_left FROM support WHERE standard_support_days_left < 60
--
-- project_id, location, cluster FROM clusters
-- node_pool STRING: Node pool. NULL for the control plane.
-- version STRING: Version that it has now.
-- release_channel FROM clusters
-- end_of_standard_support_at, end_of_extended_support_at FROM upgrade_info
-- standard_support_days_left INT64: Whole days until standard support of the minor version ends; negative once it has
--   ended.
-- extended_support_days_left INT64: The same for extended support, which only clusters in the channel `EXTENDED` have.
-- beyond_support BOOL: True if the support that the cluster's channel has is over: extended support in `EXTENDED`,
--   standard support in all others and without a channel.
-- channel_default_version STRING: Version that new clusters get in the cluster's channel and location; without a
--   channel, in the location.
-- minor_versions_behind_default INT64: Minor versions by which it is older than that; negative if it is newer.
-- version_offered BOOL: True if the channel offers the version in the location. NULL for node pools.
-- minor_target_version, patch_target_version FROM upgrade_info
-- minor_versions_behind_target INT64: Minor versions by which it is older than what GKE upgrades it to next. NULL if
--   GKE has chosen nothing.
-- upgrades_paused BOOL: True if automatic upgrades are paused, all of them or those to another minor version. NULL if
--   GKE does not know.
-- auto_upgrade_status, paused_reason FROM upgrade_info
-- read_at, read_age_seconds, read_status FROM upgrade_info

WITH
  clusters AS (
    SELECT project_id, location, cluster, release_channel, control_plane_version
    FROM ${dataset}.clusters
    -- GKE supports no attached cluster
    WHERE cluster_type IS NULL
  ),
  versions AS (
    SELECT project_id, location, cluster, CAST(NULL AS STRING) AS node_pool, control_plane_version AS version, release_channel
    FROM clusters
    UNION ALL
    SELECT p.project_id, p.location, p.cluster, p.name, p.version, c.release_channel
    FROM ${dataset}.node_pools AS p
    JOIN clusters AS c ON c.project_id = p.project_id AND c.location = p.location AND c.cluster = p.cluster
  ),
  info AS (
    SELECT
      *,
      -- the row of the control plane alone has it
      MAX(channel_default_version) OVER (PARTITION BY project_id, location, cluster) AS default_version,
      MAX(release_channel) OVER (PARTITION BY project_id, location, cluster) AS read_channel
    FROM ${dataset}.upgrade_info
  ),
  found AS (
    SELECT
      v.project_id,
      v.location,
      v.cluster,
      v.node_pool,
      v.version,
      v.release_channel,
      IF(
        REGEXP_EXTRACT(i.version, r'^\d+\.\d+') = REGEXP_EXTRACT(v.version, r'^\d+\.\d+'),
        i.end_of_standard_support_at,
        NULL
      ) AS end_of_standard_support_at,
      IF(
        REGEXP_EXTRACT(i.version, r'^\d+\.\d+') = REGEXP_EXTRACT(v.version, r'^\d+\.\d+'),
        i.end_of_extended_support_at,
        NULL
      ) AS end_of_extended_support_at,
      IF(v.release_channel IS NOT DISTINCT FROM i.read_channel, i.default_version, NULL) AS default_version,
      IF(
        v.release_channel IS NOT DISTINCT FROM i.read_channel
          AND i.node_pool IS NULL
          AND ARRAY_LENGTH(i.channel_valid_versions) > 0,
        v.version IN UNNEST(i.channel_valid_versions),
        NULL
      ) AS version_offered,
      IF(
        i.version = v.version AND v.release_channel IS NOT DISTINCT FROM i.read_channel,
        i.minor_target_version,
        NULL
      ) AS minor_target_version,
      IF(
        i.version = v.version AND v.release_channel IS NOT DISTINCT FROM i.read_channel,
        i.patch_target_version,
        NULL
      ) AS patch_target_version,
      COALESCE(i.auto_upgrade_status, CAST([] AS ARRAY<STRING>)) AS auto_upgrade_status,
      COALESCE(i.paused_reason, CAST([] AS ARRAY<STRING>)) AS paused_reason,
      i.read_at,
      i.read_age_seconds,
      i.read_status
    FROM versions AS v
    LEFT JOIN info AS i
      ON i.project_id = v.project_id
      AND i.location = v.location
      AND i.cluster = v.cluster
      AND COALESCE(i.node_pool, '') = COALESCE(v.node_pool, '')
  ),
  numbers AS (
    SELECT
      *,
      IF(
        release_channel = 'EXTENDED',
        end_of_extended_support_at,
        end_of_standard_support_at
      ) AS end_of_support_at,
      SAFE_CAST(REGEXP_EXTRACT(version, r'^(\d+)\.\d+') AS INT64) AS major,
      SAFE_CAST(REGEXP_EXTRACT(version, r'^\d+\.(\d+)') AS INT64) AS minor,
      SAFE_CAST(REGEXP_EXTRACT(default_version, r'^(\d+)\.\d+') AS INT64) AS default_major,
      SAFE_CAST(REGEXP_EXTRACT(default_version, r'^\d+\.(\d+)') AS INT64) AS default_minor,
      COALESCE(minor_target_version, patch_target_version) AS target_version
    FROM found
  )
SELECT
  project_id,
  location,
  cluster,
  node_pool,
  version,
  release_channel,
  end_of_standard_support_at,
  end_of_extended_support_at,
  CAST(FLOOR(TIMESTAMP_DIFF(end_of_standard_support_at, CURRENT_TIMESTAMP(), MICROSECOND) / 86400000000) AS INT64)
    AS standard_support_days_left,
  CAST(FLOOR(TIMESTAMP_DIFF(end_of_extended_support_at, CURRENT_TIMESTAMP(), MICROSECOND) / 86400000000) AS INT64)
    AS extended_support_days_left,
  end_of_support_at <= CURRENT_TIMESTAMP() AS beyond_support,
  default_version AS channel_default_version,
  IF(major = default_major, default_minor - minor, NULL) AS minor_versions_behind_default,
  version_offered,
  minor_target_version,
  patch_target_version,
  IF(
    SAFE_CAST(REGEXP_EXTRACT(target_version, r'^(\d+)\.\d+') AS INT64) = major,
    SAFE_CAST(REGEXP_EXTRACT(target_version, r'^\d+\.(\d+)') AS INT64) - minor,
    NULL
  ) AS minor_versions_behind_target,
  CASE
    WHEN 'UPGRADE_PAUSED' IN UNNEST(auto_upgrade_status) OR 'MINOR_UPGRADE_PAUSED' IN UNNEST(auto_upgrade_status) THEN TRUE
    WHEN 'ACTIVE' IN UNNEST(auto_upgrade_status) THEN FALSE
  END AS upgrades_paused,
  auto_upgrade_status,
  paused_reason,
  read_at,
  read_age_seconds,
  read_status
FROM numbers
