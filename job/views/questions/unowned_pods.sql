-- Which pods have no controller, or one that could not be found?
-- A pod whose controller is of a kind that is not collected, such as a custom resource, is not here: its controller is
-- known by name.
-- Scans what pods scans.
--
-- SELECT cluster, namespace, name, owner_kind, owner_name FROM unowned_pods WHERE reason = 'uncontrolled'
--
-- project_id, location, cluster, namespace, name, uid, phase, node FROM pods
-- reason STRING: `uncontrolled`: nothing controls the pod. `not_found`: its controller is not in its list, because it
--   was deleted or is newer than the list. `not_read`: the list of its controller's kind could not be read.
-- owner_kind, owner_name, created_at, snapshot_id, snapshot_time, read_at, read_age_seconds, read_status FROM pods

SELECT
  project_id,
  location,
  cluster,
  namespace,
  name,
  uid,
  phase,
  node,
  workload_resolution AS reason,
  owner_kind,
  owner_name,
  created_at,
  snapshot_id,
  snapshot_time,
  read_at,
  read_age_seconds,
  read_status
FROM ${dataset}.pods
WHERE workload_resolution IN ('uncontrolled', 'not_found', 'not_read')
