"""What webhooks and policies of admission share: the requests that they are asked about."""

from __future__ import annotations

from collections.abc import Iterable

from job import tables
from job.wire.meta import Elements, Wire


class RuleWithOperations(Wire, frozen=True):
    operations: Elements[str] | None = None
    api_groups: Elements[str] | None = None
    api_versions: Elements[str] | None = None
    resources: Elements[str] | None = None
    scope: str | None = None


class NamedRuleWithOperations(RuleWithOperations, frozen=True):
    resource_names: Elements[str] | None = None


class MatchCondition(Wire, frozen=True):
    """It counts. Its expression may name what is nobody else's business."""

    name: str | None = None


def admission_rules(rules: Iterable[RuleWithOperations] | None) -> tuple[tables.AdmissionRule, ...]:
    """The rules, any of which has to match."""
    return tuple(
        tables.AdmissionRule(
            operations=tuple(rule.operations or ()),
            api_groups=tuple(rule.api_groups or ()),
            api_versions=tuple(rule.api_versions or ()),
            resources=tuple(rule.resources or ()),
            resource_names=tuple((rule.resource_names if isinstance(rule, NamedRuleWithOperations) else None) or ()),
            scope=rule.scope or None,
        )
        for rule in rules or ()
    )


def fails_closed(failure_policy: str | None) -> bool:
    """Whether requests are refused where admission cannot be decided, which is the default.

    https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy
    """
    return failure_policy != "Ignore"
