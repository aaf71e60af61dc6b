-- Which users, groups and service accounts are admin of a cluster or a namespace, and why?
-- One row for each subject, scope, namespace and reason. A rule that is for some objects by name alone does not count. Who
-- may act through a webhook, a node or IAM is not here: roles such as `roles/container.admin` are not in the cluster.
-- Where roles could not be read, only `cluster_admin` is found.
-- Scans what role_bindings and roles scan.
--
-- SELECT cluster, subject_kind, subject_name, reason FROM admins WHERE scope = 'cluster' AND NOT is_system
--
-- project_id, location, cluster, subject_kind, subject_name, subject_namespace, scope, namespace FROM role_bindings
-- reason STRING: `cluster_admin`: bound to the ClusterRole `cluster-admin`. `wildcard`: a rule has all verbs on all
--   resources. The others lead there: `escalate` (may write roles with more rights than its own), `bind` (may bind
--   roles with more rights), `impersonate` (may act as others), `pod_exec` (may run commands in pods, with the rights of
--   their service accounts).
-- is_system BOOL: True for parts of Kubernetes, such as `system:masters` or `system:kube-scheduler`; not for
--   `system:authenticated` and other groups that anybody is in.
-- roles ARRAY<STRING>: The roles that give the right: `ClusterRole/cluster-admin`.
-- bindings ARRAY<STRING>: Names of the bindings that give the roles.
-- read_at TIMESTAMP: Time of the oldest reading behind the row.
-- read_age_seconds INT64: Seconds since then.
-- read_status STRING: The worst status of those readings: `ok`, `partial` or `stale`.

WITH
  powers AS (
    SELECT
      r.project_id,
      r.location,
      r.cluster,
      r.kind,
      r.namespace,
      r.name,
      r.read_at,
      r.read_age_seconds,
      r.read_status,
      '*' IN UNNEST(rule.verbs) AS all_verbs,
      '*' IN UNNEST(rule.resources) OR '*/*' IN UNNEST(rule.resources) AS all_resources,
      'create' IN UNNEST(rule.verbs) AS may_create,
      'escalate' IN UNNEST(rule.verbs) AS may_escalate,
      'bind' IN UNNEST(rule.verbs) AS may_bind,
      'impersonate' IN UNNEST(rule.verbs) AS may_impersonate,
      '*' IN UNNEST(rule.api_groups) OR '' IN UNNEST(rule.api_groups) AS of_core,
      '*' IN UNNEST(rule.api_groups) OR 'rbac.authorization.k8s.io' IN UNNEST(rule.api_groups) AS of_rbac,
      'roles' IN UNNEST(rule.resources) OR 'clusterroles' IN UNNEST(rule.resources) AS on_roles,
      'users' IN UNNEST(rule.resources)
        OR 'groups' IN UNNEST(rule.resources)
        OR 'serviceaccounts' IN UNNEST(rule.resources) AS on_subjects,
      'pods/exec' IN UNNEST(rule.resources)
        OR 'pods/*' IN UNNEST(rule.resources)
        OR '*/exec' IN UNNEST(rule.resources) AS on_exec
    FROM ${dataset}.roles AS r
    CROSS JOIN UNNEST(r.rules) AS rule
    WHERE ARRAY_LENGTH(rule.resource_names) = 0
  ),
  reasons AS (
    SELECT
      project_id,
      location,
      cluster,
      kind,
      namespace,
      name,
      read_at,
      read_age_seconds,
      read_status,
      CASE
        WHEN all_verbs AND all_resources THEN 'wildcard'
        WHEN of_rbac AND (all_verbs OR may_escalate) AND (all_resources OR on_roles) THEN 'escalate'
      END AS first_reason,
      NOT (all_verbs AND all_resources) AS is_partial,
      of_rbac AND (all_verbs OR may_bind) AND (all_resources OR on_roles) AS binds,
      of_core AND (all_verbs OR may_impersonate) AND (all_resources OR on_subjects) AS impersonates,
      of_core AND (all_verbs OR may_create) AND (all_resources OR on_exec) AS execs
    FROM powers
  ),
  by_role AS (
    SELECT project_id, location, cluster, kind, namespace, name, first_reason AS reason, read_at, read_age_seconds, read_status
    FROM reasons
    WHERE first_reason IS NOT NULL
    UNION ALL
    SELECT project_id, location, cluster, kind, namespace, name, 'bind', read_at, read_age_seconds, read_status
    FROM reasons
    WHERE is_partial AND binds
    UNION ALL
    SELECT project_id, location, cluster, kind, namespace, name, 'impersonate', read_at, read_age_seconds, read_status
    FROM reasons
    WHERE is_partial AND impersonates
    UNION ALL
    SELECT project_id, location, cluster, kind, namespace, name, 'pod_exec', read_at, read_age_seconds, read_status
    FROM reasons
    WHERE is_partial AND execs
  ),
  bound AS (
    SELECT
      b.project_id,
      b.location,
      b.cluster,
      b.subject_kind,
      b.subject_name,
      b.subject_namespace,
      b.scope,
      b.namespace,
      b.role_kind,
      b.role_name,
      b.name AS binding,
      'cluster_admin' AS reason,
      b.read_at,
      b.read_age_seconds,
      b.read_status
    FROM ${dataset}.role_bindings AS b
    WHERE b.role_kind = 'ClusterRole' AND b.role_name = 'cluster-admin'
    UNION ALL
    SELECT
      b.project_id,
      b.location,
      b.cluster,
      b.subject_kind,
      b.subject_name,
      b.subject_namespace,
      b.scope,
      b.namespace,
      b.role_kind,
      b.role_name,
      b.name,
      r.reason,
      LEAST(b.read_at, r.read_at),
      GREATEST(b.read_age_seconds, r.read_age_seconds),
      CASE
        WHEN 'stale' IN (b.read_status, r.read_status) THEN 'stale'
        WHEN 'partial' IN (b.read_status, r.read_status) THEN 'partial'
        ELSE 'ok'
      END
    FROM ${dataset}.role_bindings AS b
    JOIN by_role AS r
      ON r.project_id = b.project_id
      AND r.location = b.location
      AND r.cluster = b.cluster
      AND r.kind = b.role_kind
      AND r.name = b.role_name
      AND (r.kind = 'ClusterRole' OR r.namespace = b.namespace)
    WHERE NOT (b.role_kind = 'ClusterRole' AND b.role_name = 'cluster-admin')
  )
SELECT
  project_id,
  location,
  cluster,
  subject_kind,
  subject_name,
  subject_namespace,
  scope,
  namespace,
  reason,
  COALESCE(
    STARTS_WITH(subject_name, 'system:')
      AND subject_name NOT IN ('system:authenticated', 'system:unauthenticated', 'system:anonymous')
      AND NOT STARTS_WITH(subject_name, 'system:serviceaccount'),
    FALSE
  ) AS is_system,
  ARRAY_AGG(DISTINCT CONCAT(role_kind, '/', role_name) ORDER BY CONCAT(role_kind, '/', role_name)) AS roles,
  ARRAY_AGG(DISTINCT binding ORDER BY binding) AS bindings,
  MIN(read_at) AS read_at,
  MAX(read_age_seconds) AS read_age_seconds,
  CASE MAX(CASE read_status WHEN 'ok' THEN 0 WHEN 'partial' THEN 1 ELSE 2 END)
    WHEN 0 THEN 'ok'
    WHEN 1 THEN 'partial'
    ELSE 'stale'
  END AS read_status
FROM bound
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
