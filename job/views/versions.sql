-- How far are nodes behind their control plane, and is it within Kubernetes' policy? One row for each kubelet version of
-- each node pool of each cluster. Policy: a kubelet is never newer than the control plane, and at most three minor
-- versions older (https://kubernetes.io/releases/version-skew-policy/#kubelet). within_policy is NULL where a version is
-- not known. nodes is NULL where no node of the pool was read: the version is then the pool's, as GKE tells it; a cluster
-- of which no pool is known has one row. age_seconds and carried_forward are those of the nodes.
-- Scans what latest_clusters, latest_node_pools and latest_nodes scan.
--
-- SELECT cluster, control_plane_version, node_pool, kubelet_version, nodes FROM versions WHERE within_policy IS NOT TRUE

WITH
  nodes AS (
    SELECT
      project_id,
      location,
      cluster,
      node_pool,
      kubelet_version,
      COUNT(*) AS nodes,
      MAX(age_seconds) AS age_seconds,
      LOGICAL_OR(carried_forward) AS carried_forward
    FROM ${dataset}.latest_nodes
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
      p.age_seconds,
      p.carried_forward
    FROM ${dataset}.latest_node_pools AS p
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
      k.age_seconds,
      k.carried_forward,
      SAFE_CAST(REGEXP_EXTRACT(c.control_plane_version, r'^v?(\d+)\.\d+') AS INT64) AS control_plane_major,
      SAFE_CAST(REGEXP_EXTRACT(c.control_plane_version, r'^v?\d+\.(\d+)') AS INT64) AS control_plane_minor,
      SAFE_CAST(REGEXP_EXTRACT(k.kubelet_version, r'^v?(\d+)\.\d+') AS INT64) AS kubelet_major,
      SAFE_CAST(REGEXP_EXTRACT(k.kubelet_version, r'^v?\d+\.(\d+)') AS INT64) AS kubelet_minor
    FROM ${dataset}.latest_clusters AS c
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
  control_plane_major = kubelet_major AND control_plane_minor - kubelet_minor BETWEEN 0 AND 3 AS within_policy,
  age_seconds,
  carried_forward
FROM numbers
