"""Google's client of BigQuery, all of whose requests follow our retry policy."""

from __future__ import annotations

from typing import Any

from google.api_core.client_info import ClientInfo
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from job.connect.identity import Identity
from job.sinks.bigquery.retries import BoundedRetry
from job.version import USER_AGENT


class BoundedClient(bigquery.Client):
    """Uses our policy in place of the library's, which retries for ten minutes and says nothing.

    Uploads do not pass here: `Loads` gives them their time.
    """

    def __init__(self, policy: BoundedRetry, **options: Any) -> None:
        super().__init__(**options)
        self.policy = policy

    def _call_api(self, retry: Any, *args: Any, **options: Any) -> Any:
        """All requests but uploads pass here.

        Args:
            retry: a started policy of ours, None for a single try, or the library's own, which is replaced.
        """
        bounded = retry if isinstance(retry, BoundedRetry) else self.policy
        answer = super()._call_api(retry and bounded, *args, **options)
        if options.get("method") != "DELETE" and not _is_resource(answer, options.get("path", "")):
            raise GoogleAPICallError(  # type: ignore[no-untyped-call]
                "the response is no resource of BigQuery: something else answers in its place"
            )
        return answer


def _is_resource(answer: Any, path: str) -> bool:
    """Whether it may be a resource. Only an empty list of routines has no member."""
    return isinstance(answer, dict) and (bool(answer) or path.endswith("/routines"))


def open_client(
    project: str, location: str | None, identity: Identity, *, endpoint: str | None, policy: BoundedRetry
) -> BoundedClient:
    """A client that sends the identity's token to the endpoint, or to that of the identity's universe."""
    return BoundedClient(
        policy,
        project=project,
        credentials=identity.shared(),
        location=location,
        client_info=ClientInfo(user_agent=USER_AGENT),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=endpoint, universe_domain=identity.universe_domain),
    )
