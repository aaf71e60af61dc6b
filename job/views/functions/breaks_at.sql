-- What would break at a Kubernetes version, such as `1.33`, `v1.33` or `1.33.2-gke.1`? The rows of `deprecated_api_uses`
-- whose API version is removed in it or before, and those whose `removed_in` is NULL: custom resources, and lists that
-- were not read. Any other text than such a version is an error.
--
-- SELECT cluster, evidence, api_version, kind, namespace, name, team, is_served FROM breaks_at('1.33')

SELECT uses.*
FROM (
  SELECT
    COALESCE(
      SAFE_CAST(REGEXP_EXTRACT(version, r'^v?1\.(\d{1,4})(?:[.+-].*)?$') AS INT64),
      CAST(ERROR(CONCAT('not a Kubernetes version, such as 1.33: ', COALESCE(version, 'NULL'))) AS INT64)
    ) AS minor
) AS asked
JOIN ${uses} AS uses
  ON uses.removed_in IS NULL OR CAST(SUBSTR(uses.removed_in, 3) AS INT64) <= asked.minor
