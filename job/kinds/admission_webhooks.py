"""MutatingWebhookConfigurations and ValidatingWebhookConfigurations (`admissionregistration.k8s.io/v1`), by webhook."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from job import tables
from job.kinds.kind import Kind
from job.kinds.parts.admission import MatchCondition, RuleWithOperations, admission_rules, fails_closed
from job.kinds.parts.scope import Scope
from job.kinds.parts.selector_text import selector_text
from job.wire.meta import Elements, Int64, LabelSelector, ObjectMeta, Wire


class ServiceReference(Wire, frozen=True):
    namespace: str | None = None
    name: str | None = None
    port: Int64 | None = None


class WebhookClientConfig(Wire, frozen=True):
    service: ServiceReference | None = None
    url: str | None = None
    ca_bundle: str | None = None


class ValidatingWebhook(Wire, frozen=True):
    name: str | None = None
    client_config: WebhookClientConfig | None = None
    rules: Elements[RuleWithOperations] | None = None
    failure_policy: str | None = None
    match_policy: str | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    side_effects: str | None = None
    timeout_seconds: Int64 | None = None
    match_conditions: Elements[MatchCondition] | None = None


class MutatingWebhook(ValidatingWebhook, frozen=True):
    reinvocation_policy: str | None = None


class ValidatingWebhookConfiguration(Wire, frozen=True):
    metadata: ObjectMeta
    webhooks: Elements[ValidatingWebhook] | None = None


class MutatingWebhookConfiguration(Wire, frozen=True):
    metadata: ObjectMeta
    webhooks: Elements[MutatingWebhook] | None = None


def validating_webhook_rows(configuration: ValidatingWebhookConfiguration, _: Scope) -> Iterator[tables.Record]:
    """A row for each webhook."""
    for position, webhook in enumerate(configuration.webhooks or ()):
        yield _row(KIND, configuration.metadata, position, webhook)


def mutating_webhook_rows(configuration: MutatingWebhookConfiguration, _: Scope) -> Iterator[tables.Record]:
    """A row for each webhook."""
    for position, webhook in enumerate(configuration.webhooks or ()):
        yield _row(MUTATING_KIND, configuration.metadata, position, webhook, webhook.reinvocation_policy)


def _row(
    kind: Kind, metadata: ObjectMeta, position: int, webhook: ValidatingWebhook, reinvocation: str | None = None
) -> tables.AdmissionWebhook:
    client = webhook.client_config or WebhookClientConfig()
    service = client.service or ServiceReference()
    return tables.AdmissionWebhook(
        resource=kind.resource,
        kind=kind.name,
        name=metadata.name,
        uid=metadata.uid,
        created_at=metadata.creation_timestamp,
        position=position,
        webhook=webhook.name or None,
        failure_policy=webhook.failure_policy or None,
        fail_closed=fails_closed(webhook.failure_policy),
        timeout_seconds=webhook.timeout_seconds,
        rules=admission_rules(webhook.rules),
        scope=_scope(webhook.rules),
        match_policy=webhook.match_policy or None,
        match_conditions=len(webhook.match_conditions or ()),
        namespace_selector=selector_text(webhook.namespace_selector),
        object_selector=selector_text(webhook.object_selector),
        side_effects=webhook.side_effects or None,
        reinvocation_policy=reinvocation or None,
        service_namespace=service.namespace or None,
        service_name=service.name or None,
        service_port=service.port,
        url_host=_host(client.url),
        ca_bundle_present=bool(client.ca_bundle),
    )


def _scope(rules: list[RuleWithOperations] | None) -> str | None:
    """That of all rules; `*` where they differ."""
    found = {rule.scope or "*" for rule in rules or ()}
    return found.pop() if len(found) == 1 else "*" if found else None


def _host(url: str | None) -> str | None:
    """The host of a URL, whose path, query and user may hold a token.

    >>> _host("https://user:secret@hooks.example.com:8443/secret?token=secret")
    'hooks.example.com'
    """
    try:
        return urlsplit(url or "").hostname or None
    except ValueError:  # brackets without an address
        return None


_PATH = "/apis/admissionregistration.k8s.io/v1"
KIND = Kind(
    "validatingwebhookconfigurations",
    f"{_PATH}/validatingwebhookconfigurations",
    ValidatingWebhookConfiguration,
    validating_webhook_rows,
)
MUTATING_KIND = Kind(
    "mutatingwebhookconfigurations",
    f"{_PATH}/mutatingwebhookconfigurations",
    MutatingWebhookConfiguration,
    mutating_webhook_rows,
)
