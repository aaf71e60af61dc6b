"""What one API server answers to `doctor`: its version, and whether the identity may list a kind. Nothing is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from job.collect.deadlines import Deadline
from job.collect.discovery import discover
from job.collect.failures import Cause, ContinueTokenExpired, ReadFailure
from job.collect.http_reader import HttpReader, PageTooLarge, Request
from job.collect.object_kinds import chosen, gaps, is_needed
from job.collect.refusals import response_failure
from job.collect.stats import ReadStats
from job.config import Timeouts
from job.config_objects import Objects
from job.connect.bounded import within
from job.connect.endpoints import Endpoint
from job.kinds.kind import Kind
from job.wire.decoders import decoder
from job.wire.meta import NOT_DECODABLE, Wire

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

T = TypeVar("T")

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_NO_NAMESPACE = "gke-inventory.invalid"  # no namespace has such a name, so that only rules of the whole cluster hold
_MAX_BYTES = 8 << 20


class Probe:
    """One API server, to which each request is sent once. Its answer gets as much time as the connection to it."""

    def __init__(self, client: ApiClient, endpoint: Endpoint, timeouts: Timeouts) -> None:
        self._seconds = timeouts.connect_seconds
        timeouts = msgspec.structs.replace(timeouts, request_seconds=self._seconds)
        self._reader = HttpReader(client, timeouts, max_bytes=_MAX_BYTES)
        self._endpoint = endpoint

    def version(self) -> str | None:
        """The version of the API server; None where it answers, and does not let the identity ask for it.

        Raises:
            ReadFailure: it cannot be reached, or something else answers.
        """
        try:
            body = within(3 * self._seconds, lambda: self._answer("/version"))
            return str(_VERSION.decode(body).git_version)
        except TimeoutError as error:  # each other wait has its own limit
            raise ReadFailure("timed_out", "DNS does not answer in time", reason="NameResolution") from error
        except ReadFailure as failure:
            if failure.cause.reason == "Rbac":
                return None
            raise
        except NOT_DECODABLE as error:
            raise ReadFailure("invalid", "the response is no version of an API server", http_status=200) from error

    def refusal(self, kind: Kind) -> ReadFailure | None:
        """Why the kind cannot be listed; None where it can.

        A self-subject review says so for nothing. Where it denies the right, or is denied itself, the list of one
        object has the last word: its refusal names the user, and on GKE the permission.
        """
        if self._may_list(kind):
            return None
        try:
            is_list = _LIST.decode(self._answer(kind.path, [("limit", 1)], accept=kind.accept)).kind.endswith("List")
        except PageTooLarge:
            is_list = True
        except NOT_DECODABLE:
            is_list = False
        except ReadFailure as failure:
            return None if kind.optional and failure.cause.outcome == "not_served" else failure
        return None if is_list else ReadFailure("invalid", "the response is no list of an API server")

    def object_kinds(self, objects: Objects) -> tuple[list[Kind], Cause | None]:
        """The kinds that the setting chooses of those that the server names; and why some of them are not known."""
        if not objects.is_on:
            return [], None
        late = Deadline(monotonic() + 10 * self._seconds, "ReadTimeout", "the server does not name its kinds in time")
        try:
            found = discover(self, late, ReadStats(), needs=partial(is_needed, objects))
        except ReadFailure as failure:
            return [], failure.cause
        return chosen(objects, found, ()).kinds, gaps(found)

    def get(self, request: Request, take: Callable[[memoryview], T], /) -> T:
        """GETs a document, once.

        Raises:
            ReadFailure: the server refuses the request, or does not respond.
        """
        try:
            return take(memoryview(self._answer(request.path, accept=request.accept)))
        except NOT_DECODABLE as error:
            raise ReadFailure("invalid", f"the response to {request.path} is not what it should be") from error

    def _may_list(self, kind: Kind) -> bool:
        """https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access

        The rules of RBAC come with one request for all kinds. What they do not allow, IAM may.
        """
        if any(rule.lets_list(kind) for rule in self._rules):
            return True
        asked = {"verb": "list", "group": kind.group, "resource": kind.plural}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
        }
        try:
            return _REVIEW.decode(self._answer(_REVIEWS, question=json.dumps(review).encode())).status.allowed
        except (ReadFailure, *NOT_DECODABLE):
            return False

    @cached_property
    def _rules(self) -> tuple[ResourceRule, ...]:
        """What RBAC grants the identity in the whole cluster; nothing where the server does not say."""
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": _NO_NAMESPACE},
        }
        try:
            status = _RULES_REVIEW.decode(self._answer(_RULES, question=json.dumps(review).encode())).status
        except (ReadFailure, *NOT_DECODABLE):
            return ()
        return tuple(status.resource_rules or ())

    def _answer(
        self,
        path: str,
        query: Sequence[tuple[str, Any]] = (),
        question: bytes | None = None,
        accept: str | None = None,
    ) -> bytes:
        """The body of a response that grants the request.

        Raises:
            ReadFailure: the server refuses the request, or does not respond.
        """
        # beyond both times, so that a connection that fails late is not taken for a response that does not come
        late = 2.5 * self._seconds
        deadline = Deadline(monotonic() + late, "ReadTimeout", f"no response within {late:g} s")
        request = Request(path, query, deadline, ReadStats(), question, accept)
        try:
            response = self._reader.open(request)
            with self._reader.body(response, request) as body:
                status = response.raw.status
                if status not in (200, 201):
                    by_google = self._endpoint.is_google_frontend
                    raise response_failure(status, response.raw.headers, body, response.token, by_google=by_google)
                return bytes(body)
        except ContinueTokenExpired as error:
            raise ReadFailure("refused", str(error), http_status=410) from error


class _Version(Wire, frozen=True):
    git_version: str


class _List(Wire, frozen=True):
    kind: str


class SubjectAccessReviewStatus(Wire, frozen=True):
    allowed: bool = False


class SelfSubjectAccessReview(Wire, frozen=True):
    status: SubjectAccessReviewStatus = SubjectAccessReviewStatus()


class ResourceRule(Wire, frozen=True):
    verbs: list[str] | None = None
    api_groups: list[str] | None = None
    resources: list[str] | None = None
    resource_names: list[str] | None = None

    def lets_list(self, kind: Kind) -> bool:
        """Whether it lets the identity list all objects of the kind."""
        asked = (("list", self.verbs), (kind.group, self.api_groups), (kind.plural, self.resources))
        is_whole = not self.resource_names
        return is_whole and all(word in (granted or ()) or "*" in (granted or ()) for word, granted in asked)


class SubjectRulesReviewStatus(Wire, frozen=True):
    resource_rules: list[ResourceRule] | None = None


class SelfSubjectRulesReview(Wire, frozen=True):
    status: SubjectRulesReviewStatus = SubjectRulesReviewStatus()


_RULES_REVIEW = decoder(SelfSubjectRulesReview)
_VERSION, _LIST, _REVIEW = decoder(_Version), decoder(_List), decoder(SelfSubjectAccessReview)
