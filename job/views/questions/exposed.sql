-- What can be reached from outside the VPC network, by which way, and which workload is behind it?
-- One row for each way in, port, Service and workload. A Service without running pods has one row without a workload.
-- See `reachable` first: firewall rules, Cloud Armor and Identity-Aware Proxy are not read, nor Routes other than
-- HTTPRoutes. What only other clusters or the VPC network reach is not here. Where a kind was never read, its ways are
-- missing: see `coverage`.
-- Scans what services, ingresses, gateways, http_routes, nodes, pods, pod_containers, network_policies and clusters
-- scan.
--
-- SELECT cluster, way, name, port, workload_name FROM exposed
-- WHERE reachable = 'yes' AND network_policy IS DISTINCT FROM 'yes'
--
-- project_id, location, cluster FROM services
-- way STRING: `load_balancer`: of a Service, not internal. `external_ip`: `externalIPs` of a Service. `node_port`: of a
--   Service, on nodes. `ingress`: an Ingress that is not internal. `gateway`: a Gateway that is not internal, and an
--   HTTPRoute. `host_port`: of a container, on its node.
-- namespace STRING: Namespace of the object that opens the way.
-- kind STRING: Kind of that object: `Service`, `Ingress`, `Gateway`; of a host port that of the workload.
-- name STRING: Name of that object.
-- reachable STRING: `yes`: a load balancer of GKE with an address outside. `pending`: the same, without an address so
--   far. `depends`: on a firewall rule that admits the port of a node with an external IP address, on a route to an
--   external IP, or on who serves a load balancer, Ingress or Gateway of a class that is not GKE's: the Service of an
--   Ingress's or Gateway's controller has its own row. `not_known`: the pod's node was not read; or no node with an
--   external IP address was, and the reading of nodes is missing or its status is not `ok`.
-- addresses ARRAY<STRING>: Addresses of the load balancer, or external IPs. Empty for ports of nodes: see
--   `nodes.external_ip`.
-- port INT64: Port outside. NULL for an Ingress: GKE serves 80, 443 or both.
-- hosts ARRAY<STRING>: Hosts of the Ingress, or those of the route that the listener serves; empty for all.
-- source_ranges ARRAY<STRING>: CIDR blocks of clients that the load balancer admits; empty for all.
-- service_kind STRING: `Service`, or `ServiceImport` of a multi-cluster Gateway: its pods run in any cluster of the
--   fleet. NULL for a host port.
-- service_namespace STRING: Namespace of the Service or ServiceImport behind the way. NULL for a host port.
-- service STRING: Name of that Service or ServiceImport.
-- workload_kind STRING: Kind of the workload behind it, by the Service's selector and the running pods. NULL where none
--   runs, the Service has no selector or does not exist, for a ServiceImport, or if pods or Services were never read.
-- workload_name STRING: Name of the workload.
-- pods INT64: Number of its running pods behind it. NULL for a ServiceImport, and if pods or Services were never read.
-- network_policy STRING: Whether a NetworkPolicy isolates those pods for ingress: `yes`, `some`, `no`; `not_enforced`
--   where one selects them or may, and the cluster has neither network policy enforcement nor Dataplane V2; `not_known`
--   where network policies were never read. NULL without pods. None isolates a pod on its node's network. It may still
--   admit all: see `network_policies`.
-- read_at TIMESTAMP: When the object that opens the way was read: when its list began.
-- read_age_seconds INT64: Seconds since the oldest of the readings behind the row: of the object that opens the way, of
--   pods and network policies, and of Services, routes and nodes where the way depends on them.
-- read_status STRING: The worst status of those readings: `ok`, `partial`, `off` or `stale`. A kind that was never read
--   does not count: it leaves NULL or `not_known`.

WITH
  readings AS (
    SELECT
      project_id,
      location,
      cluster,
      COALESCE(MAX(IF(resource = 'nodes', status, NULL)), 'never_read') AS nodes_status,
      MAX(IF(resource = 'services', 1, 0)) = 1 AS has_services,
      MAX(IF(resource = 'pods', 1, 0)) = 1 AS has_pods,
      MAX(IF(resource = 'networkpolicies', 1, 0)) = 1 AS has_policies
    FROM ${dataset}.coverage
    WHERE read_snapshot_id IS NOT NULL AND cluster IS NOT NULL
    GROUP BY 1, 2, 3
  ),
  -- of all readings behind a way
  judged AS (
    SELECT
      c.project_id,
      c.location,
      c.cluster,
      w.way,
      MAX(c.read_age_seconds) AS read_age_seconds,
      CASE
        WHEN COUNTIF(c.status = 'stale') > 0 THEN 'stale'
        WHEN COUNTIF(c.status = 'off') > 0 THEN 'off'
        WHEN COUNTIF(c.status = 'partial') > 0 THEN 'partial'
        ELSE 'ok'
      END AS read_status
    FROM ${dataset}.coverage AS c
    CROSS JOIN UNNEST([
      STRUCT('load_balancer' AS way, ['services', 'pods', 'networkpolicies'] AS resources),
      STRUCT('external_ip' AS way, ['services', 'pods', 'networkpolicies'] AS resources),
      STRUCT('node_port' AS way, ['services', 'nodes', 'pods', 'networkpolicies'] AS resources),
      STRUCT('ingress' AS way, ['ingresses', 'services', 'pods', 'networkpolicies'] AS resources),
      STRUCT('gateway' AS way, ['gateways', 'httproutes', 'services', 'pods', 'networkpolicies'] AS resources),
      STRUCT('host_port' AS way, ['nodes', 'pods', 'networkpolicies'] AS resources)
    ]) AS w
    WHERE c.read_snapshot_id IS NOT NULL AND c.cluster IS NOT NULL AND c.resource IN UNNEST(w.resources)
    GROUP BY 1, 2, 3, 4
  ),
  all_services AS (
    SELECT * FROM ${dataset}.services
  ),
  all_nodes AS (
    SELECT project_id, location, cluster, name, external_ip FROM ${dataset}.nodes
  ),
  -- of clusters whose nodes have external addresses, or may have
  open_nodes AS (
    SELECT r.project_id, r.location, r.cluster, IF(n.cluster IS NULL, 'not_known', 'depends') AS reachable
    FROM readings AS r
    LEFT JOIN (
      SELECT DISTINCT project_id, location, cluster FROM all_nodes WHERE external_ip IS NOT NULL
    ) AS n
      ON n.project_id = r.project_id AND n.location = r.location AND n.cluster = r.cluster
    WHERE n.cluster IS NOT NULL OR r.nodes_status <> 'ok'
  ),
  running AS (
    SELECT
      project_id,
      location,
      cluster,
      namespace,
      uid,
      node,
      workload_kind,
      workload_name,
      host_network,
      read_at,
      ARRAY(SELECT CONCAT(l.key, '=', l.value) FROM UNNEST(labels) AS l) AS label_pairs,
      ARRAY(SELECT l.key FROM UNNEST(labels) AS l) AS label_keys
    FROM ${dataset}.pods
    WHERE phase = 'Running' AND deleted_at IS NULL
  ),
  isolated AS (
    SELECT DISTINCT p.project_id, p.location, p.cluster, p.uid
    FROM ${dataset}.network_policies AS n
    JOIN running AS p
      ON p.project_id = n.project_id AND p.location = n.location AND p.cluster = n.cluster
      AND p.namespace = n.namespace
    WHERE
      'Ingress' IN UNNEST(n.policy_types)
      AND NOT p.host_network
      AND ${selects.n.p}
  ),
  behind_services AS (
    SELECT s.project_id, s.location, s.cluster, s.namespace, s.name AS service, p.uid
    FROM all_services AS s
    JOIN running AS p
      ON p.project_id = s.project_id AND p.location = s.location AND p.cluster = s.cluster
      AND p.namespace = s.namespace
    WHERE
      ARRAY_LENGTH(s.selector) > 0
      AND NOT EXISTS (
        SELECT 1 FROM UNNEST(s.selector) AS l WHERE CONCAT(l.key, '=', l.value) NOT IN UNNEST(p.label_pairs)
      )
  ),
  host_ports AS (
    SELECT DISTINCT
      p.project_id, p.location, p.cluster, p.namespace, p.workload_kind, p.workload_name, p.uid, c.port,
      IF(n.name IS NULL, 'not_known', 'depends') AS reachable, p.read_at
    FROM running AS p
    JOIN (
      SELECT c.project_id, c.location, c.cluster, c.pod_uid, port
      FROM ${dataset}.pod_containers AS c
      CROSS JOIN UNNEST(c.host_ports) AS port
    ) AS c
      ON c.project_id = p.project_id AND c.location = p.location AND c.cluster = p.cluster AND c.pod_uid = p.uid
    LEFT JOIN all_nodes AS n
      ON n.project_id = p.project_id AND n.location = p.location AND n.cluster = p.cluster AND n.name = p.node
    WHERE n.external_ip IS NOT NULL OR n.name IS NULL
  ),
  ingress_backends AS (
    SELECT
      i.project_id, i.location, i.cluster, i.namespace, i.name,
      CASE
        WHEN i.internal IS NULL THEN 'depends'
        WHEN ARRAY_LENGTH(i.load_balancer_ingress) > 0 THEN 'yes'
        ELSE 'pending'
      END AS reachable,
      ARRAY(SELECT COALESCE(a.ip, a.hostname) FROM UNNEST(i.load_balancer_ingress) AS a) AS addresses,
      backend.host, backend.service, i.read_at
    FROM ${dataset}.ingresses AS i
    CROSS JOIN UNNEST(ARRAY_CONCAT(
      ARRAY(SELECT AS STRUCT r.host, r.service FROM UNNEST(i.rules) AS r),
      [STRUCT(CAST(NULL AS STRING) AS host, i.default_service AS service)]
    )) AS backend
    WHERE i.internal IS NOT TRUE AND backend.service IS NOT NULL
  ),
  -- https://cloud.google.com/kubernetes-engine/docs/how-to/gatewayclass-capabilities
  listeners AS (
    SELECT
      g.project_id, g.location, g.cluster, g.namespace, g.name,
      CASE
        WHEN COALESCE(g.gateway_class, '') NOT IN (
          'gke-l7-global-external-managed', 'gke-l7-global-external-managed-mc', 'gke-l7-regional-external-managed',
          'gke-l7-regional-external-managed-mc', 'gke-l7-gxlb', 'gke-l7-gxlb-mc'
        ) THEN 'depends'
        WHEN ARRAY_LENGTH(g.addresses) > 0 THEN 'yes'
        ELSE 'pending'
      END AS reachable,
      ARRAY(SELECT a.value FROM UNNEST(g.addresses) AS a WHERE a.value IS NOT NULL) AS addresses,
      listener.name AS listener, listener.port, COALESCE(listener.hostname, '*') AS hostname, g.read_at
    FROM ${dataset}.gateways AS g
    CROSS JOIN UNNEST(g.listeners) AS listener
    WHERE
      COALESCE(g.gateway_class, '')
      NOT IN ('gke-l7-rilb', 'gke-l7-rilb-mc', 'gke-l7-cross-regional-internal-managed-mc')
      AND listener.protocol NOT IN ('TCP', 'TLS', 'UDP')
  ),
  routes AS (
    SELECT
      h.project_id, h.location, h.cluster, IF(ARRAY_LENGTH(h.hostnames) > 0, h.hostnames, ['*']) AS hostnames,
      parent.namespace AS gateway_namespace, parent.name AS gateway, parent.section_name, parent.port,
      backend.kind AS service_kind, COALESCE(backend.namespace, h.namespace) AS service_namespace,
      backend.name AS service
    FROM ${dataset}.http_routes AS h
    CROSS JOIN UNNEST(h.parents) AS parent
    CROSS JOIN UNNEST(h.backends) AS backend
    WHERE
      parent.kind = 'Gateway'
      AND parent.accepted
      AND backend.kind IN ('Service', 'ServiceImport')
      AND COALESCE(backend.weight, 1) > 0
  ),
  -- https://gateway-api.sigs.k8s.io/reference/spec/#httproutespec (`hostnames`)
  gateway_backends AS (
    SELECT
      l.project_id, l.location, l.cluster, l.namespace, l.name, l.reachable, l.addresses, l.port,
      -- the narrower of the two
      NULLIF(
        IF(STARTS_WITH(l.hostname, '*') AND ENDS_WITH(host, SUBSTR(l.hostname, 2)), host, l.hostname), '*'
      ) AS host,
      r.service_kind, r.service_namespace, r.service, l.read_at
    FROM listeners AS l
    JOIN routes AS r
      ON r.project_id = l.project_id AND r.location = l.location AND r.cluster = l.cluster
      AND r.gateway_namespace = l.namespace AND r.gateway = l.name
    CROSS JOIN UNNEST(r.hostnames) AS host
    WHERE
      COALESCE(r.section_name, l.listener) = l.listener
      AND COALESCE(r.port, l.port) = l.port
      AND (
        host = l.hostname
        OR (STARTS_WITH(l.hostname, '*') AND ENDS_WITH(host, SUBSTR(l.hostname, 2)))
        OR (STARTS_WITH(host, '*') AND ENDS_WITH(l.hostname, SUBSTR(host, 2)))
      )
  ),
  ways AS (
    SELECT
      s.project_id, s.location, s.cluster, 'load_balancer' AS way, s.namespace, 'Service' AS kind, s.name,
      CASE
        WHEN s.internal IS NULL THEN 'depends'
        WHEN ARRAY_LENGTH(s.load_balancer_ingress) > 0 THEN 'yes'
        ELSE 'pending'
      END AS reachable,
      ARRAY(SELECT COALESCE(a.ip, a.hostname) FROM UNNEST(s.load_balancer_ingress) AS a) AS addresses,
      p.port, CAST([] AS ARRAY<STRING>) AS hosts, s.load_balancer_source_ranges AS source_ranges,
      'Service' AS service_kind, s.namespace AS service_namespace, s.name AS service, s.read_at
    FROM all_services AS s
    CROSS JOIN UNNEST(s.ports) AS p
    WHERE s.type = 'LoadBalancer' AND s.internal IS NOT TRUE
    UNION ALL
    SELECT
      s.project_id, s.location, s.cluster, 'external_ip', s.namespace, 'Service', s.name, 'depends', s.external_ips,
      p.port, CAST([] AS ARRAY<STRING>), CAST([] AS ARRAY<STRING>), 'Service', s.namespace, s.name, s.read_at
    FROM all_services AS s
    CROSS JOIN UNNEST(s.ports) AS p
    WHERE ARRAY_LENGTH(s.external_ips) > 0
    UNION ALL
    SELECT
      s.project_id, s.location, s.cluster, 'node_port', s.namespace, 'Service', s.name, n.reachable,
      CAST([] AS ARRAY<STRING>), p.node_port, CAST([] AS ARRAY<STRING>), CAST([] AS ARRAY<STRING>), 'Service',
      s.namespace, s.name, s.read_at
    FROM all_services AS s
    CROSS JOIN UNNEST(s.ports) AS p
    JOIN open_nodes AS n
      ON n.project_id = s.project_id AND n.location = s.location AND n.cluster = s.cluster
    WHERE p.node_port IS NOT NULL
    UNION ALL
    SELECT
      b.project_id, b.location, b.cluster, 'ingress', b.namespace, 'Ingress', b.name, b.reachable,
      ANY_VALUE(b.addresses), NULL,
      -- a rule for all hosts stands for all
      IF(COUNT(*) > COUNT(host), CAST([] AS ARRAY<STRING>), ARRAY_AGG(DISTINCT host IGNORE NULLS ORDER BY host)),
      CAST([] AS ARRAY<STRING>), 'Service', b.namespace, b.service, b.read_at
    FROM ingress_backends AS b
    GROUP BY b.project_id, b.location, b.cluster, b.namespace, b.name, b.reachable, b.service, b.read_at
    UNION ALL
    SELECT
      project_id, location, cluster, 'gateway', namespace, 'Gateway', name, reachable, ANY_VALUE(addresses), port,
      IF(COUNT(*) > COUNT(host), CAST([] AS ARRAY<STRING>), ARRAY_AGG(DISTINCT host IGNORE NULLS ORDER BY host)),
      CAST([] AS ARRAY<STRING>), service_kind, service_namespace, service, read_at
    FROM gateway_backends
    GROUP BY
      project_id, location, cluster, namespace, name, reachable, port, service_kind, service_namespace, service, read_at
  ),
  behind AS (
    SELECT
      b.project_id, b.location, b.cluster, b.namespace, b.service, p.workload_kind, p.workload_name,
      COUNT(*) AS pods, COUNT(i.uid) AS isolated_pods
    FROM behind_services AS b
    JOIN running AS p
      ON p.project_id = b.project_id AND p.location = b.location AND p.cluster = b.cluster AND p.uid = b.uid
    LEFT JOIN isolated AS i
      ON i.project_id = b.project_id AND i.location = b.location AND i.cluster = b.cluster AND i.uid = b.uid
    GROUP BY 1, 2, 3, 4, 5, 6, 7
  ),
  paths AS (
    SELECT w.*, b.workload_kind, b.workload_name, b.pods, b.isolated_pods
    FROM ways AS w
    LEFT JOIN behind AS b
      ON b.project_id = w.project_id AND b.location = w.location AND b.cluster = w.cluster
      AND b.namespace = w.service_namespace AND b.service = w.service AND w.service_kind = 'Service'
    UNION ALL
    SELECT
      h.project_id, h.location, h.cluster, 'host_port', h.namespace, h.workload_kind, h.workload_name, h.reachable,
      CAST([] AS ARRAY<STRING>), h.port, CAST([] AS ARRAY<STRING>), CAST([] AS ARRAY<STRING>), NULL, NULL, NULL,
      h.read_at, h.workload_kind, h.workload_name, COUNT(*), COUNT(i.uid)
    FROM host_ports AS h
    LEFT JOIN isolated AS i
      ON i.project_id = h.project_id AND i.location = h.location AND i.cluster = h.cluster AND i.uid = h.uid
    GROUP BY
      h.project_id, h.location, h.cluster, h.namespace, h.workload_kind, h.workload_name, h.reachable, h.port, h.read_at
  )
SELECT
  p.project_id,
  p.location,
  p.cluster,
  p.way,
  p.namespace,
  p.kind,
  p.name,
  p.reachable,
  p.addresses,
  p.port,
  p.hosts,
  p.source_ranges,
  p.service_kind,
  p.service_namespace,
  p.service,
  p.workload_kind,
  p.workload_name,
  IF(p.pods IS NULL AND p.service_kind = 'Service' AND r.has_services AND r.has_pods, 0, p.pods) AS pods,
  CASE
    WHEN p.pods IS NULL THEN NULL
    WHEN r.has_policies AND p.isolated_pods = 0 THEN 'no'
    WHEN
      c.cluster IS NOT NULL
      AND c.network_policy IS NOT TRUE
      AND COALESCE(c.datapath_provider, '') <> 'ADVANCED_DATAPATH'
      THEN 'not_enforced'
    WHEN NOT r.has_policies THEN 'not_known'
    WHEN p.isolated_pods = p.pods THEN 'yes'
    ELSE 'some'
  END AS network_policy,
  p.read_at,
  j.read_age_seconds,
  j.read_status
FROM paths AS p
JOIN readings AS r
  ON r.project_id = p.project_id AND r.location = p.location AND r.cluster = p.cluster
JOIN judged AS j
  ON j.project_id = p.project_id AND j.location = p.location AND j.cluster = p.cluster AND j.way = p.way
LEFT JOIN ${dataset}.clusters AS c
  ON c.project_id = p.project_id AND c.location = p.location AND c.cluster = p.cluster
