"""Serves the GKE API over gRPC, with the message classes of google-cloud-container."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.cloud import container_v1 as gke
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from job.simulator.faults import LISTED, PROJECT, Fault, Faults
from job.simulator.fleet import Cluster, Fleet, NodePool
from job.simulator.identity import Identity
from job.simulator.upgrades import (
    channel_of,
    cluster_upgrade_info,
    maintenance_policy,
    node_pool_upgrade_info,
    server_config,
)

_KINDS = PROJECT | {"hang", "delay", "bad_time"}
_RESOURCES = {
    "FetchClusterUpgradeInfo": "upgrade_info",
    "FetchNodePoolUpgradeInfo": "node_pool_upgrade_info",
    "GetServerConfig": "server_config",
}
"""Method -> what a fault calls it. Its glob is on `project/location/cluster/node-pool`, or the first parts of it."""
_SERVICE = "/google.container.v1.ClusterManager/"


class ClusterManager(grpc.GenericRpcHandler):
    """Serves the methods that read clusters, their upgrades, and what a location offers."""

    def __init__(
        self,
        fleet: Fleet,
        identity: Identity,
        faults: Faults,
        log: list[dict[str, Any]],
        delete: Callable[[Cluster], Awaitable[None]],
    ) -> None:
        self._fleet, self._identity, self._faults, self._log, self._delete = fleet, identity, faults, log, delete

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a method. None makes gRPC answer UNIMPLEMENTED."""
        handlers: dict[str, tuple[Any, Any, Any]] = {
            "ListClusters": (self._list_clusters, gke.ListClustersRequest, gke.ListClustersResponse),
            "GetCluster": (self._get_cluster, gke.GetClusterRequest, gke.Cluster),
            "FetchClusterUpgradeInfo": (
                self._cluster_upgrade_info, gke.FetchClusterUpgradeInfoRequest, gke.ClusterUpgradeInfo,
            ),
            "FetchNodePoolUpgradeInfo": (
                self._node_pool_upgrade_info, gke.FetchNodePoolUpgradeInfoRequest, gke.NodePoolUpgradeInfo,
            ),
            "GetServerConfig": (self._server_config, gke.GetServerConfigRequest, gke.ServerConfig),
        }  # fmt: skip
        method = handler_call_details.method.removeprefix(_SERVICE)
        found = handlers.get(method)
        if found is None:
            return None
        serve, request, response = found
        return grpc.unary_unary_rpc_method_handler(
            self._checked(method, serve),
            request_deserializer=request.deserialize,
            response_serializer=response.serialize,
        )

    def _checked(
        self, method: str, serve: Callable[[Any, Any, Fault | None], Awaitable[Any]]
    ) -> Callable[[Any, Any], Awaitable[Any]]:
        async def checked(request: Any, context: Any) -> Any:
            metadata = dict(context.invocation_metadata())
            path = request.parent if method == "ListClusters" else request.name
            project = path.split("/")[1]
            quota_project = metadata.get("x-goog-user-project")
            sent = {"quota_project": quota_project} if quota_project else {}
            self._log.append({"cluster": None, "method": "gRPC", "path": path, "query": {}, "call": method, **sent})
            if not self._identity.is_valid(metadata.get("authorization")):
                await _refuse(
                    context, grpc.StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials."
                )
            if quota_project and quota_project not in self._fleet.projects:
                text = f"Caller does not have required permission to use project {quota_project}."
                named = {"service": "container.googleapis.com", "consumer": f"projects/{quota_project}"}
                await _refuse(context, grpc.StatusCode.PERMISSION_DENIED, text, "USER_PROJECT_DENIED", named)
            if resource := _RESOURCES.get(method):  # only faults that name it
                where = "/".join(path.split("/")[1::2])
                fault = self._faults.take(where, resource, kinds=_KINDS, is_named=True)
            else:
                fault = self._faults.take(project, "clusters", kinds=_KINDS - {"bad_time"})
            if fault and fault.kind in ("hang", "delay"):
                await asyncio.sleep(fault.seconds)
            permission = "container.clusters.get" if method.startswith("Fetch") else "container.clusters.list"
            if not self._identity.may_read(metadata.get("authorization"), project):
                message = f'Required "{permission}" permission(s) for "projects/{project}".'
                named = {"permission": permission, "resource": f"projects/{project}"}
                await _refuse(context, grpc.StatusCode.PERMISSION_DENIED, message, "IAM_PERMISSION_DENIED", named)
            await self._check_project(context, project, fault, permission)
            return await serve(request, context, fault)

        return checked

    async def _check_project(self, context: Any, project: str, active: Fault | None, permission: str) -> None:
        code, fault = grpc.StatusCode, active.kind if active else None
        known = self._fleet.hierarchy.project(project)
        if fault == "gke_unavailable":
            await _refuse(context, code.UNAVAILABLE, "The service is currently unavailable.")
        elif fault == "gke_not_found" or (known is None and project not in self._fleet.projects):
            await _refuse(context, code.NOT_FOUND, f"Not found: projects/{project}.")
        elif fault == "gke_denied" or project in self._fleet.denied or not self._may(permission, project):
            message = f'Required "{permission}" permission(s) for "projects/{project}".'
            named = {"permission": permission, "resource": f"projects/{project}"}
            await _refuse(context, code.PERMISSION_DENIED, message, "IAM_PERMISSION_DENIED", named)
        elif fault == "gke_disabled" or (known is not None and not known.has_container_api):
            consumer = str(active.options.get("consumer", project) if active else known.number if known else project)
            message = f"Kubernetes Engine API has not been used in project {consumer} before or it is disabled."
            named = {"service": "container.googleapis.com", "consumer": f"projects/{consumer}"}
            await _refuse(context, code.PERMISSION_DENIED, message, "SERVICE_DISABLED", named)

    def _may(self, permission: str, project: str) -> bool:
        granted = [cluster.permissions for cluster in self._fleet.of(project) if cluster.permissions is not None]
        return all(permission in permissions for permissions in granted)

    async def _list_clusters(self, request: Any, context: Any, fault: Fault | None) -> gke.ListClustersResponse:  # noqa: ARG002
        _, project, _, location = request.parent.split("/")
        found = [cluster for cluster in self._fleet.of(project) if location in ("-", cluster.location)]
        zones = list(self._fleet.missing_zones.get(project, ()))
        if fault and fault.kind == "missing_zones":
            zones = str(fault.options.get("zones", "us-east1-d")).split("+")
        found = [cluster for cluster in found if cluster.location not in zones]
        clusters = [await self._listed(cluster) for cluster in found]
        return gke.ListClustersResponse(clusters=clusters, missing_zones=zones)

    async def _listed(self, cluster: Cluster) -> gke.Cluster:
        """The cluster as it appears in a list, changed by a fault if one applies."""
        listed = message(cluster)
        fault = self._faults.take(cluster.path, "clusters", kinds=LISTED)
        kind = fault.kind if fault else None
        if kind == "unresolvable":
            listed.endpoint = listed.private_cluster_config.public_endpoint = "no-such-host.invalid"
            listed.control_plane_endpoints_config.ip_endpoints_config.public_endpoint = listed.endpoint
        elif kind == "bad_time":
            listed.create_time = "yesterday"
        elif kind == "bad_ca":
            listed.master_auth.cluster_ca_certificate = base64.b64encode(b"CANARY: no certificate").decode()
        elif kind == "deleted":
            await self._delete(cluster)
        return listed

    async def _get_cluster(self, request: Any, context: Any, fault: Fault | None) -> gke.Cluster:  # noqa: ARG002
        return message(await self._named(request, context))

    async def _cluster_upgrade_info(self, request: Any, context: Any, fault: Fault | None) -> gke.ClusterUpgradeInfo:
        info = cluster_upgrade_info(await self._named(request, context))
        if fault and fault.kind == "bad_time":
            info.end_of_standard_support_timestamp = "soon"
        return info

    async def _node_pool_upgrade_info(self, request: Any, context: Any, fault: Fault | None) -> gke.NodePoolUpgradeInfo:  # noqa: ARG002
        cluster = await self._named(request, context)
        for pool in cluster.node_pools:
            if pool.name == request.name.split("/")[7]:
                return node_pool_upgrade_info(pool, cluster)
        raise await _not_found(request, context)

    async def _server_config(self, request: Any, context: Any, fault: Fault | None) -> gke.ServerConfig:  # noqa: ARG002
        return server_config()

    async def _named(self, request: Any, context: Any) -> Cluster:
        """The cluster that a request names."""
        _, project, _, location, _, name = request.name.split("/")[:6]
        for cluster in self._fleet.of(project):
            if (cluster.location, cluster.name) == (location, name):
                return cluster
        raise await _not_found(request, context)


def message(cluster: Cluster) -> gke.Cluster:
    """The cluster as the GKE API returns it, with the endpoints that it was given."""
    described = _described(cluster)
    if cluster.membership:
        described.fleet.membership = (
            f"//gkehub.googleapis.com/projects/{cluster.project}/locations/global/memberships/{cluster.membership}"
        )
    if cluster.addresses is not None:
        public, private, dns = (cluster.addresses.get(kind, "") for kind in ("public", "private", "dns"))
        described.endpoint = public or private
        described.private_cluster_config = gke.PrivateClusterConfig()
        described.control_plane_endpoints_config = gke.ControlPlaneEndpointsConfig(
            dns_endpoint_config=gke.ControlPlaneEndpointsConfig.DNSEndpointConfig(
                endpoint=dns, allow_external_traffic=True
            ),
            ip_endpoints_config=gke.ControlPlaneEndpointsConfig.IPEndpointsConfig(
                enabled=bool(public or private),
                enable_public_endpoint=bool(public),
                public_endpoint=public,
                private_endpoint=private,
            ),
        )
    return described


def _described(cluster: Cluster) -> gke.Cluster:
    """The cluster as the GKE API returns it: all fields that an inventory reads, and secrets that it must not keep."""
    address = f"{'localhost' if cluster.endpoint == 'dns' else '127.0.0.1'}:{cluster.port}"
    is_private = cluster.endpoint == "private"
    is_dns = cluster.endpoint == "dns"
    networks = gke.MasterAuthorizedNetworksConfig(
        enabled=is_private,
        cidr_blocks=[gke.MasterAuthorizedNetworksConfig.CidrBlock(cidr_block="10.0.0.0/8")] if is_private else [],
        gcp_public_cidrs_access_enabled=not is_private,
    )
    # a private cluster of this fleet is old: GKE describes it by the older fields alone
    ip_endpoints = gke.ControlPlaneEndpointsConfig.IPEndpointsConfig(
        enabled=not is_dns,
        enable_public_endpoint=not is_dns,
        public_endpoint="" if is_dns else address,
        private_endpoint="",
        authorized_networks_config=networks,
    )
    return gke.Cluster(
        name=cluster.name,
        location=cluster.location,
        id=cluster.id,
        self_link=(
            f"https://container.googleapis.com/v1/projects/{cluster.project}/locations/{cluster.location}"
            f"/clusters/{cluster.name}"
        ),
        status=cluster.status,
        create_time=cluster.created_at.isoformat(),
        locations=cluster.zones,
        endpoint="" if cluster.status == "PROVISIONING" else address,
        current_master_version=cluster.version,
        current_node_version=cluster.node_pools[0].version,
        initial_cluster_version="1.29.4-gke.1043002",
        current_node_count=sum(pool.nodes for pool in cluster.node_pools),
        release_channel=gke.ReleaseChannel(channel=channel_of(cluster)),
        autopilot=gke.Autopilot(enabled=cluster.autopilot),
        node_pools=[_node_pool(pool, cluster) for pool in cluster.node_pools],
        master_auth=gke.MasterAuth(
            cluster_ca_certificate=base64.b64encode(cluster.ca_pem).decode(),
            client_certificate="CANARY-client-certificate",
            client_key="CANARY-client-key",
            client_certificate_config=gke.ClientCertificateConfig(issue_client_certificate=False),
        ),
        network="default",
        subnetwork="default",
        network_config=gke.NetworkConfig(
            network=f"projects/{cluster.project}/global/networks/default",
            subnetwork=f"projects/{cluster.project}/regions/{'-'.join(cluster.location.split('-')[:2])}/subnetworks/default",
            datapath_provider="ADVANCED_DATAPATH",
            default_enable_private_nodes=is_private,
        ),
        cluster_ipv4_cidr=f"10.{cluster.number % 200}.0.0/16",
        services_ipv4_cidr="34.118.224.0/20",
        ip_allocation_policy=gke.IPAllocationPolicy(use_ip_aliases=True, stack_type="IPV4"),
        private_cluster_config=gke.PrivateClusterConfig(
            enable_private_nodes=is_private,
            enable_private_endpoint=is_private,
            private_endpoint=address if is_private else "",
            public_endpoint="" if is_private or is_dns else address,
        ),
        control_plane_endpoints_config=gke.ControlPlaneEndpointsConfig(
            dns_endpoint_config=gke.ControlPlaneEndpointsConfig.DNSEndpointConfig(
                endpoint=address if is_dns else f"gke-{cluster.id[:12]}.{cluster.location}.gke.goog",
                allow_external_traffic=is_dns,
            ),
            ip_endpoints_config=None if is_private else ip_endpoints,
        ),
        master_authorized_networks_config=networks,
        workload_identity_config=gke.WorkloadIdentityConfig(workload_pool=f"{cluster.project}.svc.id.goog"),
        shielded_nodes=gke.ShieldedNodes(enabled=True),
        binary_authorization=gke.BinaryAuthorization(
            enabled=is_private, evaluation_mode=None if is_private else "DISABLED"
        ),
        database_encryption=gke.DatabaseEncryption(state="DECRYPTED"),
        security_posture_config=gke.SecurityPostureConfig(mode="BASIC", vulnerability_mode="VULNERABILITY_DISABLED"),
        logging_config=gke.LoggingConfig(
            component_config=gke.LoggingComponentConfig(enable_components=["SYSTEM_COMPONENTS", "WORKLOADS"])
        ),
        monitoring_config=gke.MonitoringConfig(
            component_config=gke.MonitoringComponentConfig(enable_components=["SYSTEM_COMPONENTS"]),
            managed_prometheus_config=gke.ManagedPrometheusConfig(enabled=True),
        ),
        vertical_pod_autoscaling=gke.VerticalPodAutoscaling(enabled=bool(cluster.number % 2)),
        cost_management_config=gke.CostManagementConfig(enabled=True),
        maintenance_policy=maintenance_policy(cluster),
        fleet=gke.Fleet(project=cluster.project),
        resource_labels={"team": cluster.name.partition("-")[0], "environment": cluster.project.rpartition("-")[2]},
    )


def _node_pool(pool: NodePool, cluster: Cluster) -> gke.NodePool:
    return gke.NodePool(
        name=pool.name,
        status="RUNNING",
        version=pool.version,
        locations=cluster.zones,
        initial_node_count=1,
        config=gke.NodeConfig(
            machine_type=pool.machine_type,
            image_type="COS_CONTAINERD",
            disk_type="pd-balanced",
            disk_size_gb=100,
            spot=pool.spot,
            service_account=f"nodes@{cluster.project}.iam.gserviceaccount.com",
            metadata={"startup-script": "CANARY-startup-script"},
            labels={"pool": pool.name},
            taints=[
                gke.NodeTaint(key=key, value="present", effect="NO_SCHEDULE")
                for key, applies in (("nvidia.com/gpu", pool.gpu), ("google.com/tpu", pool.tpu))
                if applies
            ],
            accelerators=(
                [gke.AcceleratorConfig(accelerator_count=1, accelerator_type="nvidia-l4")] if pool.gpu else []
            ),
            workload_metadata_config=gke.WorkloadMetadataConfig(mode="GKE_METADATA"),
            shielded_instance_config=gke.ShieldedInstanceConfig(enable_integrity_monitoring=True),
        ),
        autoscaling=gke.NodePoolAutoscaling(enabled=pool.spot, min_node_count=0, max_node_count=10 if pool.spot else 0),
        management=gke.NodeManagement(auto_upgrade=True, auto_repair=True),
        max_pods_constraint=gke.MaxPodsConstraint(max_pods_per_node=110),
        network_config=gke.NodeNetworkConfig(pod_range="pods"),
        upgrade_settings=gke.NodePool.UpgradeSettings(max_surge=1, strategy="SURGE"),
        placement_policy=gke.NodePool.PlacementPolicy(tpu_topology="2x2") if pool.tpu else None,
    )


async def _not_found(request: Any, context: Any) -> Exception:
    await _refuse(context, grpc.StatusCode.NOT_FOUND, f"Not found: {request.name}.")
    return AssertionError("abort does not return")


async def _refuse(
    context: Any, code: Any, text: str, reason: str | None = None, named: dict[str, str] | None = None
) -> None:
    """Ends the call with an error, and with an `ErrorInfo` if there is a reason (https://google.aip.dev/193)."""
    if reason is None:
        await context.abort(code, text)
        return
    rich = status_pb2.Status(code=code.value[0], message=text)
    rich.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com", metadata=named))
    trailing = rpc_status.to_status(rich).trailing_metadata
    await context.abort(code, text, trailing)
