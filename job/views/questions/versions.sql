-- How far are nodes behind their control plane, and does Kubernetes' version skew policy allow it?
-- One row for each kubelet version of each node pool of each cluster; one for a cluster without known node pools. The
-- policy: a kubelet is never newer than the control plane, and at most three minor versions older, before 1.25 two
-- (https://kubernetes.io/releases/version-skew-policy/#kubelet).
-- Scans what clusters, node_pools and nodes scan.
--
-- SELECT cluster, control_plane_version, node_pool, kubelet_version, nodes FROM versions WHERE kubelet_skew_ok IS NOT TRUE
--
-- project_id, location, cluster, release_channel, control_plane_version FROM clusters
-- node_pool STRING: Node pool. NULL for nodes in no pool, and for a cluster without known node pools.
-- kubelet_version STRING: Version of the kubelets. Where no node of the pool was read: the pool's version in the GKE
--   API.
-- nodes INT64: Number of nodes in the pool with this version. NULL where no node of the pool was read.
-- minor_versions_behind INT64: Minor versions by which the kubelets are older than the control plane; negative if they
--   are newer. NULL where a version is unknown, or the major versions differ.
-- kubelet_skew_ok BOOL: True if the policy allows the kubelets to run with this control plane. It says nothing of what GKE
--   supports, or of what is behind its release channel. NULL where a version is unknown.
-- read_age_seconds INT64: Seconds since the nodes were last read, or the node pool where no node was read.
-- read_status STRING: `ok`, `partial` or `stale`, of that reading.

WITH
  nodes AS (
    SELECT
      project_id,
      location,
      cluster,
      node_pool,
      kubelet_version,
      COUNT(*) AS nodes,
      MAX(read_age_seconds) AS read_age_seconds,
      MAX(read_status) AS read_status
    FROM ${dataset}.nodes
    GROUP BY 1, 2, 3, 4, 5
  ),
  kubelets AS (
    SELECT * FROM nodes
    UNION ALL
    SELECT
      p.project_id,
      p.location,
      p.cluster,
      p.name,
      p.version,
      NULL,
      p.read_age_seconds,
      p.read_status
    FROM ${dataset}.node_pools AS p
    LEFT JOIN nodes AS n
      ON n.project_id = p.project_id AND n.location = p.location AND n.cluster = p.cluster AND n.node_pool = p.name
    WHERE n.cluster IS NULL
  ),
  numbers AS (
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      c.release_channel,
      c.control_plane_version,
      k.node_pool,
      k.kubelet_version,
      k.nodes,
      k.read_age_seconds,
      k.read_status,
      SAFE_CAST(REGEXP_EXTRACT(c.control_plane_version, r'^v?(\d+)\.\d+') AS INT64) AS control_plane_major,
      SAFE_CAST(REGEXP_EXTRACT(c.control_plane_version, r'^v?\d+\.(\d+)') AS INT64) AS control_plane_minor,
      SAFE_CAST(REGEXP_EXTRACT(k.kubelet_version, r'^v?(\d+)\.\d+') AS INT64) AS kubelet_major,
      SAFE_CAST(REGEXP_EXTRACT(k.kubelet_version, r'^v?\d+\.(\d+)') AS INT64) AS kubelet_minor
    FROM ${dataset}.clusters AS c
    LEFT JOIN kubelets AS k
      ON k.project_id = c.project_id AND k.location = c.location AND k.cluster = c.cluster
  )
SELECT
  project_id,
  location,
  cluster,
  release_channel,
  control_plane_version,
  node_pool,
  kubelet_version,
  nodes,
  IF(control_plane_major = kubelet_major, control_plane_minor - kubelet_minor, NULL) AS minor_versions_behind,
  control_plane_major = kubelet_major AND control_plane_minor - kubelet_minor BETWEEN 0 AND IF(kubelet_minor < 25, 2, 3)
    AS kubelet_skew_ok,
  read_age_seconds,
  read_status
FROM numbers
