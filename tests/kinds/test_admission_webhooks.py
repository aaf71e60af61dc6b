"""Webhooks: of a URL, only the host; of a CA bundle, only that there is one."""

from __future__ import annotations

from typing import Any

import pytest
from kinds.objects import rows


def row(**webhook: Any) -> dict[str, Any]:
    """The row of a validating webhook, without what all have."""
    (found,) = rows("validatingwebhookconfigurations", webhooks=[webhook])["admission_webhooks"]
    return {name: found[name] for name in found if name not in ("resource", "kind", "name", "uid", "position")}


BARE = {"fail_closed": True, "match_conditions": 0, "ca_bundle_present": False}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://hooks.example.com/CANARY?token=CANARY", "hooks.example.com"),
        ("https://CANARY:CANARY@[2001:db8::1]:8443/x#CANARY", "2001:db8::1"),
        ("https://[CANARY", None),
        ("CANARY", None),
        ("", None),
    ],
)
def test_only_the_host_of_a_url_is_kept(url: str, host: str | None) -> None:
    assert row(clientConfig={"url": url}) == BARE | ({"url_host": host} if host else {})


def test_a_ca_bundle_is_only_known_to_be_there() -> None:
    assert row(clientConfig={"caBundle": "Q0FOQVJZ"}) == BARE | {"ca_bundle_present": True}


@pytest.mark.parametrize(("policy", "is_closed"), [("Fail", True), ("Ignore", False)])
def test_a_webhook_fails_closed_by_its_policy(policy: str, is_closed: bool) -> None:
    assert row(failurePolicy=policy) == BARE | {"failure_policy": policy, "fail_closed": is_closed}


@pytest.mark.parametrize(
    ("scopes", "scope"), [(["Cluster", "Cluster"], "Cluster"), (["Cluster", "Namespaced"], "*"), ([None], "*")]
)
def test_the_scope_of_a_webhook_is_that_of_all_its_rules(scopes: list[str | None], scope: str) -> None:
    assert row(rules=[{"scope": each} for each in scopes])["scope"] == scope


def test_a_configuration_without_webhooks_has_no_rows() -> None:
    assert rows("mutatingwebhookconfigurations", webhooks=None) == {}
