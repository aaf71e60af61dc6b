-- Which users, groups and service accounts are admin of a cluster or a namespace, and why?
-- One row for each subject, scope, namespace and reason. A rule that is for some objects by name alone does not
-- count, unless it names the ClusterRole `cluster-admin`, the group `system:masters`, whom to impersonate as a member
-- of it, or the signer `kubernetes.io/kube-apiserver-client`. Who may act through a webhook, a node, a pod that they
-- create, or IAM is not here: roles such as `roles/container.admin` are not in the cluster. Where roles could not be
-- read, only `cluster_admin` is found. To impersonate a group alone does not count: a request must name a user too
-- (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/).
-- Scans what role_bindings and roles scan.
--
-- SELECT cluster, subject_kind, subject_name, reason FROM admins WHERE scope = 'cluster' AND NOT is_system
--
-- project_id, location, cluster FROM role_bindings
-- subject_kind STRING: `User`, `Group` or `ServiceAccount`, also of one that is bound as the user
--   `system:serviceaccount:NAMESPACE:NAME`.
-- subject_name STRING: Name of the subject. GKE knows people and Google service accounts by their email, as users.
-- subject_namespace STRING: Namespace of a ServiceAccount.
-- scope, namespace FROM role_bindings
-- reason STRING: `cluster_admin`: bound to the ClusterRole `cluster-admin`. `wildcard`: a rule has all verbs on all
--   resources of all API groups. The others lead there: `escalate` (may write roles with more rights than its own),
--   `bind` (may bind roles with more rights), `impersonate` (may act as any user or service
--   account, or as one of them in the group `system:masters` or in any), `token_request` (may ask for tokens of service
--   accounts), `certificate_approval` (may approve certificates of any user, for the signer
--   `kubernetes.io/kube-apiserver-client`), `secrets` (may read Secrets, and tokens of service accounts in them),
--   `pod_exec` (may run commands in pods, with the rights of their service accounts: by `pods/exec`, `pods/attach` or
--   `pods/ephemeralcontainers`), `pod_exec_by_get` (may `get` one of the first two, which suffices before Kubernetes
--   1.35). In a namespace only what has a namespace counts: no users, groups and ClusterRoles, except to bind.
-- is_system BOOL: True for what Kubernetes itself binds: the group `system:masters`, and its components and the service
--   accounts of `kube-system` by roles and bindings whose names begin with `system:`, which is reserved for it. Not for
--   other groups, and not for a component that has the right by another role or binding too.
-- roles ARRAY<STRING>: The roles that give the right: `ClusterRole/cluster-admin`.
-- bindings ARRAY<STRING>: Names of the bindings that give the roles.
-- read_at TIMESTAMP: Time of the oldest reading behind the row.
-- read_age_seconds INT64: Seconds since then.
-- read_status STRING: The worst status of those readings: `ok`, `partial` or `stale`.

WITH
  -- A right may have two parts, from one rule or several: 0 is the whole.
  -- a resource matches by an asterisk, by its name, and a subresource also by an asterisk and its own name
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
      ARRAY_LENGTH(rule.resource_names) = 0 AS of_any_name,
      'cluster-admin' IN UNNEST(rule.resource_names) AS of_cluster_admin,
      'system:masters' IN UNNEST(rule.resource_names) AS of_masters,
      -- https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
      'kubernetes.io/kube-apiserver-client' IN UNNEST(rule.resource_names)
        OR 'kubernetes.io/*' IN UNNEST(rule.resource_names) AS of_client_signer,
      '*' IN UNNEST(rule.verbs) AS all_verbs,
      '*' IN UNNEST(rule.resources) AS all_resources,
      '*' IN UNNEST(rule.api_groups) AS all_groups,
      '*' IN UNNEST(rule.api_groups) OR '' IN UNNEST(rule.api_groups) AS of_core,
      '*' IN UNNEST(rule.api_groups) OR 'rbac.authorization.k8s.io' IN UNNEST(rule.api_groups) AS of_rbac,
      '*' IN UNNEST(rule.api_groups) OR 'certificates.k8s.io' IN UNNEST(rule.api_groups) AS of_certificates,
      rule.verbs,
      rule.resources
    FROM ${dataset}.roles AS r
    CROSS JOIN UNNEST(r.rules) AS rule
  ),
  rights AS (
    SELECT
      *,
      of_any_name AND all_verbs AND all_groups AND all_resources AS is_wildcard,
      of_rbac AND (all_verbs OR 'escalate' IN UNNEST(verbs)) AS escalates,
      of_rbac
        AND (all_verbs OR 'bind' IN UNNEST(verbs))
        AND (
          (of_any_name AND (all_resources OR 'roles' IN UNNEST(resources)))
          OR ((of_any_name OR of_cluster_admin) AND (all_resources OR 'clusterroles' IN UNNEST(resources)))
        ) AS binds,
      of_core AND (all_verbs OR 'impersonate' IN UNNEST(verbs)) AS impersonates,
      of_core AND of_any_name AND (all_verbs OR 'create' IN UNNEST(verbs)) AS creates,
      of_core AND of_any_name AND 'get' IN UNNEST(verbs) AND NOT all_verbs AND 'create' NOT IN UNNEST(verbs) AS only_gets,
      of_core
        AND of_any_name
        AND (all_verbs OR 'update' IN UNNEST(verbs) OR 'patch' IN UNNEST(verbs)) AS updates,
      of_core
        AND of_any_name
        AND (all_verbs OR 'get' IN UNNEST(verbs) OR 'list' IN UNNEST(verbs) OR 'watch' IN UNNEST(verbs)) AS reads,
      of_certificates
        AND of_any_name
        AND (all_verbs OR 'update' IN UNNEST(verbs) OR 'patch' IN UNNEST(verbs))
        AND (
          all_resources
          OR 'certificatesigningrequests/approval' IN UNNEST(resources)
          OR '*/approval' IN UNNEST(resources)
        ) AS updates_approval,
      of_certificates
        AND (of_any_name OR of_client_signer)
        AND (all_verbs OR 'approve' IN UNNEST(verbs))
        AND (all_resources OR 'signers' IN UNNEST(resources)) AS approves_clients,
      all_resources OR 'roles' IN UNNEST(resources) AS on_roles,
      all_resources OR 'clusterroles' IN UNNEST(resources) AS on_cluster_roles,
      all_resources OR 'users' IN UNNEST(resources) AS on_users,
      all_resources OR 'groups' IN UNNEST(resources) AS on_groups,
      all_resources OR 'serviceaccounts' IN UNNEST(resources) AS on_accounts,
      all_resources OR 'secrets' IN UNNEST(resources) AS on_secrets,
      all_resources OR 'serviceaccounts/token' IN UNNEST(resources) OR '*/token' IN UNNEST(resources) AS on_tokens,
      all_resources
        OR 'pods/exec' IN UNNEST(resources)
        OR '*/exec' IN UNNEST(resources)
        OR 'pods/attach' IN UNNEST(resources)
        OR '*/attach' IN UNNEST(resources) AS on_exec,
      all_resources
        OR 'pods/ephemeralcontainers' IN UNNEST(resources)
        OR '*/ephemeralcontainers' IN UNNEST(resources) AS on_debug
    FROM powers
  ),
  by_role AS (
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
      power.reason,
      power.part,
      power.in_cluster,
      power.in_namespace
    FROM rights AS r
    CROSS JOIN UNNEST([
      STRUCT('wildcard' AS reason, 0 AS part, r.is_wildcard AS in_cluster, r.is_wildcard AS in_namespace),
      STRUCT(
        'escalate' AS reason,
        0 AS part,
        r.escalates AND r.of_any_name AND (r.on_roles OR r.on_cluster_roles) AS in_cluster,
        r.escalates AND r.of_any_name AND r.on_roles AS in_namespace
      ),
      STRUCT('bind' AS reason, 0 AS part, r.binds AS in_cluster, r.binds AS in_namespace),
      STRUCT(
        'impersonate' AS reason,
        0 AS part,
        r.impersonates AND r.of_any_name AND (r.on_users OR r.on_accounts) AS in_cluster,
        r.impersonates AND r.of_any_name AND r.on_accounts AS in_namespace
      ),
      STRUCT(
        'impersonate' AS reason,
        1 AS part,
        r.impersonates AND (r.on_users OR r.on_accounts) AS in_cluster,
        r.impersonates AND r.on_accounts AS in_namespace
      ),
      STRUCT(
        'impersonate' AS reason,
        2 AS part,
        r.impersonates AND (r.of_any_name OR r.of_masters) AND r.on_groups AS in_cluster,
        FALSE AS in_namespace
      ),
      STRUCT('certificate_approval' AS reason, 1 AS part, r.updates_approval AS in_cluster, FALSE AS in_namespace),
      STRUCT('certificate_approval' AS reason, 2 AS part, r.approves_clients AS in_cluster, FALSE AS in_namespace),
      STRUCT(
        'secrets' AS reason,
        0 AS part,
        r.reads AND r.on_secrets AS in_cluster,
        r.reads AND r.on_secrets AS in_namespace
      ),
      STRUCT(
        'token_request' AS reason,
        0 AS part,
        r.creates AND r.on_tokens AS in_cluster,
        r.creates AND r.on_tokens AS in_namespace
      ),
      STRUCT(
        'pod_exec' AS reason,
        0 AS part,
        ((r.creates AND r.on_exec) OR (r.updates AND r.on_debug)) AS in_cluster,
        ((r.creates AND r.on_exec) OR (r.updates AND r.on_debug)) AS in_namespace
      ),
      STRUCT(
        'pod_exec_by_get' AS reason,
        0 AS part,
        r.only_gets AND r.on_exec AS in_cluster,
        r.only_gets AND r.on_exec AS in_namespace
      )
    ]) AS power
    WHERE (power.in_cluster OR power.in_namespace) AND (power.reason = 'wildcard' OR NOT r.is_wildcard)
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
      0 AS part,
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
      r.part,
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
      AND IF(b.scope = 'cluster', r.in_cluster, r.in_namespace)
    WHERE NOT (b.role_kind = 'ClusterRole' AND b.role_name = 'cluster-admin')
  ),
  -- a service account may be bound by the name that it has as a user
  named AS (
    SELECT
      * REPLACE (
        IF(is_account, 'ServiceAccount', subject_kind) AS subject_kind,
        IF(is_account, SPLIT(subject_name, ':')[SAFE_OFFSET(3)], subject_name) AS subject_name,
        IF(is_account, SPLIT(subject_name, ':')[SAFE_OFFSET(2)], subject_namespace) AS subject_namespace
      )
    FROM (
      SELECT
        *,
        COALESCE(
          subject_kind = 'User'
            AND STARTS_WITH(subject_name, 'system:serviceaccount:')
            AND ARRAY_LENGTH(SPLIT(subject_name, ':')) = 4,
          FALSE
        ) AS is_account
      FROM bound
    )
  ),
  -- two parts make a right of the cluster, also where the account to impersonate is in a namespace
  whole AS (
    SELECT * REPLACE (IF(part = 0, scope, 'cluster') AS scope, IF(part = 0, namespace, NULL) AS namespace)
    FROM (
      SELECT
        *,
        MIN(NULLIF(part, 0)) OVER (
          PARTITION BY project_id, location, cluster, subject_kind, subject_name, subject_namespace, reason
        ) AS first_part,
        MAX(part) OVER (
          PARTITION BY project_id, location, cluster, subject_kind, subject_name, subject_namespace, reason
        ) AS last_part
      FROM named
    )
    WHERE part = 0 OR first_part < last_part
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
  -- https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
  MIN(
    CASE
      WHEN subject_kind = 'Group' AND subject_name = 'system:masters' THEN 1
      WHEN NOT STARTS_WITH(role_name, 'system:') OR NOT STARTS_WITH(binding, 'system:') THEN 0
      WHEN subject_kind = 'ServiceAccount' AND subject_namespace = 'kube-system' THEN 1
      WHEN
        subject_kind = 'User'
          AND STARTS_WITH(subject_name, 'system:')
          AND subject_name <> 'system:anonymous'
          AND NOT STARTS_WITH(subject_name, 'system:serviceaccount') THEN 1
      ELSE 0
    END
  ) = 1 AS is_system,
  ARRAY_AGG(DISTINCT CONCAT(role_kind, '/', role_name) ORDER BY CONCAT(role_kind, '/', role_name)) AS roles,
  ARRAY_AGG(DISTINCT binding ORDER BY binding) AS bindings,
  MIN(read_at) AS read_at,
  MAX(read_age_seconds) AS read_age_seconds,
  CASE MAX(CASE read_status WHEN 'ok' THEN 0 WHEN 'partial' THEN 1 ELSE 2 END)
    WHEN 0 THEN 'ok'
    WHEN 1 THEN 'partial'
    ELSE 'stale'
  END AS read_status
FROM whole
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
