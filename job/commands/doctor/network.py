"""At which step an endpoint of a cluster cannot be reached, and what opens the way."""

from __future__ import annotations

import re
import shlex

from job.collect.failures import ReadFailure
from job.commands.doctor.finding import Mend, commands_in
from job.commands.doctor.projects import may_list_clusters
from job.connect.endpoints import Endpoint
from job.connect.principal import Principal
from job.discover.selection import Target
from job.kinds.clusters import is_regional
from job.wire.gke_hub import PREFIX, AttachedCluster

_STEPS = {
    "NoEndpoint": "choosing an endpoint",
    "Endpoint": "DNS",
    "NameResolution": "DNS",
    "ConnectionRefused": "TCP",
    "NoRoute": "TCP",
    "ConnectTimeout": "TCP",
    "Proxy": "the proxy",
    "CACertificate": "TLS",
    "Certificate": "TLS",
    "TLS": "TLS",
    "Credentials": "the access token",
}
_CIDR = re.compile(r"[0-9A-Fa-f.:/]+")
_TCP = frozenset({"ConnectionRefused", "NoRoute", "ConnectTimeout"})


def step_of(failure: ReadFailure) -> str:
    """The step that failed: DNS, TCP, TLS or HTTP, each of which shows that the one before succeeded."""
    if failure.cause.reason == "ConnectTimeout" and "handshake" in str(failure):
        return "TLS"  # the connection was accepted
    return _STEPS.get(failure.cause.reason or "", "HTTP")


def flags_of(target: Target) -> str:
    """The arguments that name a cluster to `gcloud container clusters`, or to `gcloud container fleet memberships`."""
    own = target.cluster.name.removeprefix(PREFIX)
    name, location, project = map(shlex.quote, (own, target.cluster.location, target.project_id))
    return f"{name} --location={location} --project={project}"


def mends_of_status(target: Target) -> list[Mend]:
    """For a cluster that does not run."""
    if isinstance(target.cluster, AttachedCluster):
        command = f"gcloud container fleet memberships describe {flags_of(target)}"
        return [Mend("wait until its membership is ready, or leave it out by `clusters.exclude`", command)]
    return [
        Mend(
            "wait until GKE runs it; this shows what GKE says, or leave it out by `clusters.exclude`",
            f"gcloud container clusters describe {flags_of(target)} --format='yaml(status, statusMessage, conditions)'",
        )
    ]


def mends_of_endpoint(
    target: Target, endpoint: Endpoint | None, reason: str, who: Principal, message: str = ""
) -> list[Mend]:
    """What opens the way to a cluster.

    Args:
        endpoint: the one that a run uses; None where the cluster has no such endpoint.
        reason: why it cannot be reached, as in `collections.reason`.
        message: the same in words.
    """
    if endpoint is None:
        return [*_dns_unless_it_is_open(target), Mend("set `endpoints: []` in the configuration")]
    if endpoint.type == "connect_gateway" and reason == "IamPermissionMissing":
        command = f"gcloud projects add-iam-policy-binding {shlex.quote(endpoint.fleet_project)} --member={who.member} "
        return [
            Mend(f"let {who.name} use Connect Gateway", f"{command}--role=roles/gkehub.gatewayReader --condition=None")
        ]
    if reason == "IamPermissionMissing":
        return [may_list_clusters(shlex.quote(target.project_id), who)]
    if reason == "ExternalTrafficDisabled":
        return [_enable_dns(target), _from_inside(target)]
    if reason in _TCP and "handshake" not in message:
        return _mends_of_tcp(target, endpoint)
    host = _host(endpoint.host)
    by_reason = {
        "NameResolution": [
            Mend(f"let this machine resolve {host}: see what DNS answers", f"nslookup {shlex.quote(host)}")
        ],
        "Proxy": [Mend("reach the endpoint without the proxy", f'export NO_PROXY="$NO_PROXY",{shlex.quote(host)}')],
        "CACertificate": _dns_unless_it_is_open(target),
        "Credentials": [Mend("see the checks of the credentials")],
    }
    if reason in ("Certificate", "TLS", "ConnectTimeout"):
        return [
            Mend(
                "see what answers there: a proxy that opens TLS, a firewall, or another server at this address",
                f"openssl s_client -connect {_with_port(endpoint.host)} -showcerts </dev/null",
            )
        ]
    if reason in ("Intermediary", "GoogleFrontend"):
        return [Mend(f"let what answers there pass requests to {host}, or reach it without a proxy",
                     f'export NO_PROXY="$NO_PROXY",{shlex.quote(host)}')]  # fmt: skip
    return by_reason.get(reason) or commands_in(message) or [Mend("try again; if it stays so, as the error says")]


def _mends_of_tcp(target: Target, endpoint: Endpoint) -> list[Mend]:
    """Firewalls, routes and authorized networks: nothing answers, or something refuses."""
    if isinstance(target.cluster, AttachedCluster):
        return [_let_pass(endpoint)]
    mends = _dns_unless_it_is_open(target)
    if endpoint.type == "private":
        mends.append(_from_inside(target))
    elif endpoint.type == "public" and (blocks := _authorized(target)) is not None:
        networks = ",".join([*blocks, "$(curl -s https://ifconfig.me)/32"])
        mends.insert(
            0,
            Mend(
                "add this machine's address to the authorized networks, which this command replaces as a whole",
                f"gcloud container clusters update {flags_of(target)} --enable-master-authorized-networks "
                f'--master-authorized-networks="{networks}"',
            ),
        )
    else:
        mends.append(_let_pass(endpoint))
    return mends


def _let_pass(endpoint: Endpoint) -> Mend:
    return Mend(f"let this machine's firewall pass connections to {_with_port(endpoint.host)}")


def _authorized(target: Target) -> list[str] | None:
    """The authorized networks of a cluster; None where every network is one."""
    config = target.cluster.control_plane_endpoints_config
    ip = config.ip_endpoints_config if config else None
    found = (ip and ip.authorized_networks_config) or target.cluster.master_authorized_networks_config
    if not found or not found.enabled:
        return None
    return [str(block.cidr_block) for block in found.cidr_blocks or () if _CIDR.fullmatch(block.cidr_block or "")]


def _enable_dns(target: Target) -> Mend:
    """https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation#dns-based_endpoint"""
    return Mend(
        "let the DNS endpoint accept traffic from outside the VPC, where IAM decides who may use it",
        f"gcloud container clusters update {flags_of(target)} --enable-dns-access",
    )


def _dns_unless_it_is_open(target: Target) -> list[Mend]:
    config = target.cluster.control_plane_endpoints_config
    dns = config.dns_endpoint_config if config else None
    return [] if dns and dns.allow_external_traffic else [_enable_dns(target)]


def _from_inside(target: Target) -> Mend:
    """https://cloud.google.com/run/docs/configuring/vpc-direct-vpc"""
    config, cluster = target.cluster.network_config, target.cluster
    network = (config and config.network) or cluster.network or "NETWORK"
    subnet = (config and config.subnetwork) or cluster.subnetwork or "SUBNET"
    region = cluster.location if is_regional(cluster.location) else cluster.location.rpartition("-")[0]
    return Mend(
        "run the job inside the cluster's VPC network",
        f"gcloud run jobs update gke-inventory --region={shlex.quote(region)} --network={shlex.quote(network)} "
        f"--subnet={shlex.quote(subnet)} --vpc-egress=private-ranges-only",
    )


def _host(host: str) -> str:
    """The host of an endpoint without its port.

    >>> [_host(text) for text in ("192.0.2.1:443", "192.0.2.1", "2001:db8::1", "[2001:db8::1]:443")]
    ['192.0.2.1', '192.0.2.1', '2001:db8::1', '2001:db8::1']
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _with_port(host: str) -> str:
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    return shlex.quote(host if re.search(r":\d+$", host) else f"{host}:443")
