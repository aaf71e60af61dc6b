"""How far nodes are behind their control planes, how long GKE supports their versions, and what later ones break."""

from __future__ import annotations

from job.report.section import Bars, Section, Table

SECTION = Section(
    name="versions",
    title="Versions",
    about="How long does GKE support each version? How far are nodes behind their control plane, and does Kubernetes' "
    "version skew policy allow it? Which API versions break later?",
    tables=(
        Table(
            name="support",
            title="Versions within 60 days of the end of support or beyond it, paused upgrades, and what is not known",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  node_pool,
  release_channel,
  version,
  CASE WHEN release_channel = 'EXTENDED' THEN extended_support_days_left ELSE standard_support_days_left END
    AS support_days_left,
  beyond_support,
  minor_target_version,
  upgrades_paused,
  ARRAY_TO_STRING(paused_reason, ', ') AS paused_reason
FROM ${support}
WHERE
  beyond_support IS NOT FALSE
  OR upgrades_paused
  OR CASE WHEN release_channel = 'EXTENDED' THEN extended_support_days_left ELSE standard_support_days_left END < 60""",
            order="support_days_left, project_id, location, cluster, node_pool",
            empty="None: GKE supports each version for 60 days or more, and no upgrade is known to be paused.",
            note="Days until extended support ends in the channel `EXTENDED`, and standard support elsewhere.",
        ),
        Table(
            name="skew",
            title="Nodes that the version skew policy does not allow, or whose version is unknown",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  node_pool,
  release_channel,
  control_plane_version,
  kubelet_version,
  nodes,
  minor_versions_behind,
  kubelet_skew_ok
FROM ${versions}
WHERE kubelet_skew_ok IS NOT TRUE""",
            order="minor_versions_behind DESC, project_id, location, cluster, node_pool, kubelet_version",
            empty="None: the policy allows each kubelet to run with its control plane.",
        ),
        Table(
            name="deprecated-apis",
            title="Uses of API versions that a later Kubernetes version breaks, or an earlier one has broken",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  api_version,
  kind,
  team,
  evidence,
  confidence,
  removed_in,
  is_served,
  replacement,
  COUNT(*) AS uses,
  MIN(CONCAT(COALESCE(CONCAT(namespace, '/'), ''), name)) AS example
FROM ${deprecated_api_uses}
WHERE evidence <> 'not read'
GROUP BY
  project_id,
  location,
  cluster,
  api_version,
  kind,
  team,
  evidence,
  confidence,
  removed_in,
  is_served,
  replacement""",
            order="confidence, project_id, location, cluster, api_version, kind, evidence, team",
            empty="None that an object or the definition of a custom resource shows. Clients that only call an API "
            "leave no trace.",
            note="likely: the server says so. possible: somebody has written or applied the object in that version.",
        ),
        Table(
            name="minor-versions-behind",
            title="Node pools by minor versions behind their control plane",
            sql="""\
SELECT
  minor_versions_behind,
  COUNT(*) AS node_pools,
  SUM(nodes) AS nodes,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${versions}
WHERE node_pool IS NOT NULL OR nodes IS NOT NULL
GROUP BY minor_versions_behind""",
            order="minor_versions_behind DESC",
            limit=20,
            note="A pool counts once for each version that its nodes run.",
            bars=Bars(("node_pools",)),
        ),
        Table(
            name="control-plane-versions",
            title="Control planes by version and channel",
            sql="""\
SELECT control_plane_version, COALESCE(release_channel, 'no channel') AS release_channel, COUNT(*) AS clusters
FROM ${clusters}
GROUP BY 1, 2""",
            order="clusters DESC, control_plane_version, release_channel",
            bars=Bars(("clusters",)),
        ),
    ),
)
