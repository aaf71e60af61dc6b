-- Which containers restarted between the last two readings of their cluster's pods?
-- One row for each container that had restarted more often by the newer reading than by the older one. A container of a
-- pod that the older reading lacks counts from 0 if the pod was created after that reading began, and is left out if it
-- is older: nobody knows how often it had restarted by then. A pod that was deleted and created again under its name is
-- another pod. Pods that were gone by the newer reading are not here, nor clusters whose pods were read once.
-- Scans recent rows of pods and pod_containers, and what last_two_readings scans.
--
-- SELECT cluster, namespace, pod, container, restarts_since FROM restarts WHERE last_state_reason = 'OOMKilled'
--
-- project_id, location, cluster FROM last_two_readings
-- namespace, workload_kind, workload_name, name AS pod, uid AS pod_uid, node FROM raw_recent_pods
-- container_type, name AS container FROM raw_recent_pod_containers
-- restarts_since INT64: How often the container restarted between the two readings.
-- restarts_total INT64: Number of restarts of the container by the newer reading.
-- last_state_reason, last_exit_code, last_signal, last_finished_at FROM raw_recent_pod_containers
-- state, state_reason FROM raw_recent_pod_containers
-- seen_after TIMESTAMP: When the older reading began: the restarts are later than this.
-- seen_before TIMESTAMP: When the newer reading began: it shows the restarts.
-- previous_snapshot_id, snapshot_id FROM last_two_readings

SELECT
  r.project_id,
  r.location,
  r.cluster,
  p.namespace,
  p.workload_kind,
  p.workload_name,
  p.name AS pod,
  p.uid AS pod_uid,
  p.node,
  c.container_type,
  c.name AS container,
  c.restarts - COALESCE(before.restarts, 0) AS restarts_since,
  c.restarts AS restarts_total,
  c.last_state_reason,
  c.last_exit_code,
  c.last_signal,
  c.last_finished_at,
  c.state,
  c.state_reason,
  r.seen_after,
  r.seen_before,
  r.previous_snapshot_id,
  r.snapshot_id
FROM ${dataset}.last_two_readings AS r
JOIN ${dataset}.raw_recent_pods AS p ON p.snapshot_id = r.snapshot_id
JOIN ${dataset}.raw_recent_pod_containers AS c ON c.snapshot_id = p.snapshot_id AND c.pod_uid = p.uid
LEFT JOIN ${dataset}.raw_recent_pods AS same ON same.snapshot_id = r.previous_snapshot_id AND same.uid = p.uid
-- a container that the kubelet had not reported on by then had not started
LEFT JOIN ${dataset}.raw_recent_pod_containers AS before
  ON before.snapshot_id = r.previous_snapshot_id AND before.pod_uid = c.pod_uid AND before.name = c.name
WHERE
  r.resource = 'pods'
  AND c.restarts > COALESCE(before.restarts, 0)
  -- the API cuts a pod's time to seconds
  AND (same.uid IS NOT NULL OR p.created_at >= TIMESTAMP_TRUNC(r.seen_after, SECOND))
