-- Which containers of workloads may do more than an ordinary one, and why? reasons: privileged; host_network, host_pid and
-- host_ipc (namespaces of the node); host_path (a folder of the node); capabilities_added; root_allowed (neither the
-- container nor its pod asks for another user); escalation_allowed (the default, where nothing forbids it).
-- Scans what latest_containers and latest_workloads scan.
--
-- SELECT cluster, namespace, workload_name FROM privileged WHERE ARRAY_TO_STRING(reasons, ' ') LIKE '%host_path%'

WITH
  told AS (
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
        -- a privileged container always may, whatever it says
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
FROM told
WHERE ARRAY_LENGTH(reasons) > 0
