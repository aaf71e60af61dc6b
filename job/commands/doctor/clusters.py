"""Checks of the clusters: which endpoint answers, or at which step none does, and which kinds may be listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

import msgspec

from job.collect.failures import ReadFailure, report_bug
from job.collect.probe import Probe
from job.commands.doctor.costs import cost_of_kinds
from job.commands.doctor.finding import Check, Mend, finding, passed
from job.commands.doctor.network import mends_of_endpoint, mends_of_status, step_of
from job.commands.doctor.rights import mends_of_rights
from job.commands.doctor.roles import switched_on
from job.commands.output import counted
from job.config import Config, Timeouts
from job.connect.connect_gateway import gateway_endpoint
from job.connect.endpoints import (
    CONNECTABLE_STATUSES,
    ConnectError,
    Endpoint,
    choose_endpoints,
    offered_endpoints,
    why_chosen,
)
from job.connect.identity import Identity
from job.connect.kubernetes import connect, load_client
from job.connect.principal import Principal, principal
from job.connect.reachability import Reachability, network_of
from job.discover.selection import Target
from job.kinds.kind import Kind
from job.tables import Key
from job.waiting import waiting_for
from job.wire import gke
from job.wire.gke_hub import AttachedCluster
from job.workers import map_unordered

_THREADS = 64  # nearly all of their time they wait
_SHORT_SECONDS = 1.0  # to connect, in a network in which nothing has answered


class _Context(NamedTuple):
    """What all clusters share."""

    config: Config
    identity: Identity
    reachability: Reachability

    def who_reads(self, project_id: str) -> Principal:
        return principal(self.identity.of(project_id).credentials)


class _Reached(NamedTuple):
    """What one endpoint answered: the version of its API server, or a failure."""

    endpoint: Endpoint
    version: str | None = None
    failure: ReadFailure | None = None


def check_clusters(
    config: Config,
    identity: Identity,
    targets: Sequence[Target],
    progress: Callable[[int, int], None] | None = None,
) -> list[Check]:
    """The checks of all clusters, in the order of their names. Whatever happens to one costs no other.

    Args:
        progress: called after each cluster: how many are done, and how many there are.
    """
    load_client()
    context = _Context(config, identity, Reachability())
    found = []
    for done, checks in enumerate(map_unordered(lambda each: _checked(context, each), targets, _THREADS)):
        found += checks
        if progress is not None:
            progress(done + 1, len(targets))
    return sorted(found, key=lambda check: check.subject)


def patience(limits: Timeouts, *, is_worth_waiting: bool) -> Timeouts:
    """The limits for one cluster: short ones where clusters of its network have been waited for in vain."""
    seconds = limits.connect_seconds if is_worth_waiting else min(limits.connect_seconds, _SHORT_SECONDS)
    return msgspec.structs.replace(limits, connect_seconds=seconds)


def _checked(context: _Context, target: Target) -> list[Check]:
    config = context.config
    try:
        with waiting_for(f"{target.name} to answer", config.timeouts.connect_seconds, is_logged=False):
            return list(_checks(context, target))
    except Exception as error:  # noqa: BLE001 (a bug of ours in one cluster costs no other)
        key = Key(
            snapshot_id="", snapshot_time=datetime.now(UTC), project_id=target.project_id,
            location=target.cluster.location, cluster=target.cluster.name,
        )  # fmt: skip
        message, mends = str(report_bug(error, key).message), [Mend("report it, with the line that is on stderr")]
        return [finding("clusters", _subject(target), "check it", message, costs=_costs(config, target), mends=mends)]


def _checks(context: _Context, target: Target) -> Iterator[Check]:
    config, who = context.config, context.who_reads(target.project_id)
    cluster, subject, costs = target.cluster, _subject(target), _costs(config, target)
    if str(cluster.status) not in CONNECTABLE_STATUSES:
        where = "its fleet" if isinstance(cluster, AttachedCluster) else "GKE"
        message = f"it is {cluster.status} in {where}" + (
            f": {cluster.status_message}" if cluster.status_message else ""
        )
        yield finding("clusters", subject, "see its status", message, costs=costs, mends=mends_of_status(target))
        return
    gateway = gateway_endpoint(
        cluster, context.identity.of(target.project_id).universe_domain, config.api_endpoints.connectgateway
    )
    offered = offered_endpoints(cluster, gateway)
    try:
        chosen = choose_endpoints(cluster, config.endpoints, gateway)
    except ConnectError as error:
        others = [_reached(context, target, endpoint) for endpoint in offered]
        mends = [*_use_instead(others), *mends_of_endpoint(target, None, error.reason, who)]
        yield finding("clusters", subject, "choose an endpoint", str(error), costs=costs, mends=mends)
        return
    failed: list[tuple[Endpoint, ReadFailure]] = []
    for endpoint in chosen:  # as a run tries them
        try:
            with _probe(context, target, endpoint) as probe:
                version = probe.version()
                objects, unknown = probe.object_kinds(config.objects)
                kinds = [*switched_on(config), *objects]
                refusals = [(kind, failure) for kind in kinds if (failure := probe.refusal(kind))]
        except (ConnectError, ReadFailure) as error:
            failed.append((endpoint, _as_failure(error)))
            continue
        listed = counted(len(kinds) - len(refusals), "kind")
        message = f"{version or 'it does not say its version'}; {listed} may be listed{_said(failed)}"
        yield passed("clusters", subject, _action(cluster, endpoint, config, gateway), message)
        yield from _refused(target, endpoint, who, kinds, refusals)
        if unknown is not None:
            yield finding(
                "clusters", subject, "learn its kinds", str(unknown.message),
                costs=[f"`objects`: the rows {_of(target)} of kinds that are not known are missing or old"],
                mends=[Mend("see its APIServices, or leave the groups out with `objects.exclude`")],
            )  # fmt: skip
        return
    others = [_reached(context, target, endpoint) for endpoint in offered if endpoint not in chosen]
    endpoint, failure = failed[0]
    reason = failure.cause.reason or failure.cause.outcome
    mends = [*_use_instead(others), *mends_of_endpoint(target, endpoint, reason, who, str(failure))]
    failed += [(each.endpoint, each.failure) for each in others if each.failure is not None]
    message = f"{step_of(failure)}: {failure}{_said(failed[1:])}"
    yield finding("clusters", subject, _action(cluster, endpoint, config, gateway), message, costs=costs, mends=mends)


def _action(cluster: gke.Cluster, endpoint: Endpoint, config: Config, gateway: Endpoint | None) -> str:
    why = why_chosen(cluster, endpoint, config.endpoints, gateway)
    return f"reach its {endpoint.type} endpoint {endpoint.host} ({why})"


def _said(failed: Sequence[tuple[Endpoint, ReadFailure]]) -> str:
    return "".join(f"; its {endpoint.type} endpoint: {failure}" for endpoint, failure in failed)


@contextmanager
def _probe(context: _Context, target: Target, endpoint: Endpoint) -> Iterator[Probe]:
    """Asks one endpoint of a cluster.

    Raises:
        ConnectError, ReadFailure: it cannot be reached.
    """
    reachability, network = context.reachability, network_of(target.cluster, endpoint)
    limits = patience(context.config.timeouts, is_worth_waiting=reachability.is_worth_waiting(network))
    try:
        with connect(target.cluster, endpoint, context.identity.of(target.project_id)) as client:
            yield Probe(client, endpoint, limits)
    except ReadFailure as failure:
        if failure.cause.reason == "ConnectTimeout":
            reachability.waited_in_vain(network)
        raise
    reachability.answered(network)


def _reached(context: _Context, target: Target, endpoint: Endpoint) -> _Reached:
    """Asks another endpoint than the one that a run uses."""
    try:
        with _probe(context, target, endpoint) as probe:
            return _Reached(endpoint, version=probe.version() or "unknown")
    except (ConnectError, ReadFailure) as error:
        return _Reached(endpoint, failure=_as_failure(error))


def _as_failure(error: ConnectError | ReadFailure) -> ReadFailure:
    return error if isinstance(error, ReadFailure) else ReadFailure("unreachable", str(error), reason=error.reason)


def _use_instead(reached: Sequence[_Reached]) -> list[Mend]:
    return [
        Mend(f"set `endpoints: [{each.endpoint.type}]` in the configuration: that endpoint of the cluster answers")
        for each in reached
        if each.version is not None
    ]


def _refused(
    target: Target,
    endpoint: Endpoint,
    who: Principal,
    kinds: Sequence[Kind],
    refusals: Sequence[tuple[Kind, ReadFailure]],
) -> Iterator[Check]:
    """A finding for all kinds that are refused for the same reason."""

    def reason(refusal: tuple[Kind, ReadFailure]) -> tuple[str, str]:
        cause = refusal[1].cause
        return cause.outcome, cause.reason or ""

    for (outcome, _), group in groupby(sorted(refusals, key=reason), key=reason):
        refused = list(group)
        denied = [kind for kind, _ in refused]
        action = f"list {', '.join(kind.resource for kind in denied)}"
        message = str(refused[0][1])
        yield finding(
            "clusters", _subject(target), action, message,
            costs=cost_of_kinds(denied, _of(target)),
            mends=mends_of_rights(target, endpoint, who, kinds, denied, message) if outcome == "forbidden"
            else [Mend("try again; if it stays so, set the kind to false in `kinds`, or exclude it in `objects`")],
        )  # fmt: skip


def _subject(target: Target) -> str:
    return f"cluster {target.name}"


def _costs(config: Config, target: Target) -> list[str]:
    return cost_of_kinds(switched_on(config), _of(target))


def _of(target: Target) -> str:
    return f"of {target.name}"
