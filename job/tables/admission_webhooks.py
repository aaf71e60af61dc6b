"""Webhooks of admission."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Part, Record


class AdmissionRule(Part, frozen=True, kw_only=True):
    """Requests that a webhook or policy is asked about."""

    operations: Annotated[tuple[str, ...], "`CREATE`, `UPDATE`, `DELETE`, `CONNECT`; `*` means all."]
    api_groups: Annotated[tuple[str, ...], 'API groups; `""` is the core group, `*` means all.']
    api_versions: Annotated[tuple[str, ...], "Versions; `*` means all."]
    resources: Annotated[tuple[str, ...], "`pods`, `pods/exec`, ...; `*` means all but subresources, `*/*` all."]
    resource_names: Annotated[tuple[str, ...], "Names of the only objects; empty for all."]
    scope: Annotated[str | None, "`Namespaced`, `Cluster` or `*`."] = None


class AdmissionWebhook(Record, frozen=True, kw_only=True):
    """A webhook of a MutatingWebhookConfiguration or ValidatingWebhookConfiguration."""

    table = "admission_webhooks"
    description = (
        "A webhook of a MutatingWebhookConfiguration or ValidatingWebhookConfiguration: what it is asked about, whom "
        "the API server asks, and what happens if there is no answer."
    )
    read_from = "*"
    shared_by = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
    clustering = ("project_id", "cluster", "name")
    primary_key = ("snapshot_id", "resource", "name", "uid", "position")

    resource: Annotated[str, "API resource that the row was read from."]
    kind: Annotated[str, "`MutatingWebhookConfiguration` or `ValidatingWebhookConfiguration`."]
    name: Annotated[str, "Name of the configuration."]
    uid: Annotated[str, "Kubernetes UID of the configuration."]
    created_at: Annotated[datetime | None, "When the configuration was created."] = None
    position: Annotated[int, "Index of the webhook in the configuration, from 0."]
    webhook: Annotated[str | None, "Name of the webhook."] = None
    failure_policy: Annotated[str | None, "`Fail` or `Ignore`."] = None
    fail_closed: Annotated[bool, "Whether requests are refused while the webhook does not answer."]
    timeout_seconds: Annotated[int | None, "How long the API server waits for an answer."] = None
    rules: Annotated[tuple[AdmissionRule, ...], "Which requests it is asked about; any rule has to match."] = ()
    scope: Annotated[str | None, "`Namespaced` or `Cluster` if all rules say so, else `*`."] = None
    match_policy: Annotated[
        str | None, "`Equivalent` also matches the same objects in other API groups and versions; `Exact` does not."
    ] = None
    match_conditions: Annotated[int, "Number of CEL conditions that a request has to meet too."]
    namespace_selector: Annotated[
        str | None, "Labels of the namespaces that it is asked about: `env=prod,tier in (a,b)`; NULL for all."
    ] = None
    object_selector: Annotated[str | None, "Labels of the objects that it is asked about; NULL for all."] = None
    side_effects: Annotated[str | None, "`None`, `NoneOnDryRun`, `Some` or `Unknown`."] = None
    reinvocation_policy: Annotated[
        str | None, "Whether it is asked again after others changed the object: `Never` or `IfNeeded`."
    ] = None
    service_namespace: Annotated[str | None, "Namespace of the Service that is asked."] = None
    service_name: Annotated[str | None, "Name of the Service that is asked."] = None
    service_port: Annotated[int | None, "Port of the Service; NULL means 443."] = None
    url_host: Annotated[
        str | None, "Host of the URL that is asked in place of a Service. The rest of the URL is not kept."
    ] = None
    ca_bundle_present: Annotated[bool, "Whether a CA bundle verifies the webhook's certificate."]
