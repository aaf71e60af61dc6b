-- Which containers may do more than an ordinary one, and why?
-- One row for each container in a workload's pod template that has at least one of the reasons.
-- Scans what latest_containers and latest_workloads scan.
--
-- SELECT cluster, namespace, workload_name FROM privileged WHERE ARRAY_TO_STRING(reasons, ' ') LIKE '%host_path%'
--
-- project_id, location, cluster, namespace, workload_kind, workload_name, container_type FROM latest_containers
-- name AS container FROM latest_containers
-- reasons ARRAY<STRING>: `privileged`: it is privileged. `host_network`, `host_pid`, `host_ipc`: it shares a namespace
--   of the node. `host_path`: it mounts a folder of the node. `capabilities_added`: it adds Linux capabilities.
--   `root_allowed`: neither the container nor its pod asks for another user than root. `escalation_allowed`: the
--   default, unless the container forbids it.
-- host_paths FROM latest_workloads
-- capabilities_added, snapshot_id, snapshot_time, age_seconds, carried_forward FROM latest_containers

WITH
  found AS (
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      c.namespace,
      c.workload_kind,
      c.workload_name,
      c.container_type,
      c.name AS container,
      ARRAY_CONCAT(
        IF(c.privileged, ['privileged'], []),
        IF(w.host_network, ['host_network'], []),
        IF(w.host_pid, ['host_pid'], []),
        IF(w.host_ipc, ['host_ipc'], []),
        IF(ARRAY_LENGTH(w.host_paths) > 0, ['host_path'], []),
        IF(ARRAY_LENGTH(c.capabilities_added) > 0, ['capabilities_added'], []),
        IF(
          COALESCE(c.run_as_non_root, w.run_as_non_root, FALSE) OR COALESCE(c.run_as_user, w.run_as_user, 0) <> 0,
          [],
          ['root_allowed']
        ),
        -- a privileged container always may, whatever its own setting
        IF(COALESCE(c.privileged, FALSE) OR COALESCE(c.allow_privilege_escalation, TRUE), ['escalation_allowed'], [])
      ) AS reasons,
      w.host_paths,
      c.capabilities_added,
      c.snapshot_id,
      c.snapshot_time,
      c.age_seconds,
      c.carried_forward
    FROM ${dataset}.latest_containers AS c
    JOIN ${dataset}.latest_workloads AS w
      ON w.snapshot_id = c.snapshot_id AND w.resource = c.resource AND w.uid = c.workload_uid
  )
SELECT *
FROM found
WHERE ARRAY_LENGTH(reasons) > 0
