-- Which pods does nothing look after, or nothing that is known? reason, as in pods: uncontrolled (nothing controls it);
-- not_found (its controller was not in its list: deleted, or made since); not_read (the list of its controller's kind
-- could not be read). A controller of a kind that is not collected is known by its name, and its pods are not here.
-- Scans what latest_pods scans.
--
-- SELECT cluster, namespace, name, owner_kind, owner_name FROM unowned_pods WHERE reason = 'uncontrolled'

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
  age_seconds,
  carried_forward
FROM ${dataset}.latest_pods
WHERE workload_resolution IN ('uncontrolled', 'not_found', 'not_read')
