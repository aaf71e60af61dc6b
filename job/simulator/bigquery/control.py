"""Telling a simulated BigQuery what to do, and asking what it was asked, over its control route."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


class RefusedError(ValueError):
    """It was told something that it does not understand."""


@dataclass(frozen=True)
class Control:
    """The control of one simulated BigQuery."""

    endpoint: str
    """`http://127.0.0.1:PORT`, as the client is given it."""

    def fault(self, kind: str, **options: Any) -> None:
        """Makes something go wrong.

        Args:
            kind: one of `job.simulator.bigquery.faults.KINDS`.
            options: `method`, `path` and `table` (globs), `times`, and what the kind takes: `code`, `reason`,
                `message`, `seconds`, `state`.

        Raises:
            RefusedError: there is no such fault.
        """
        self._tell("POST", "faults", [{"kind": kind, **options}])

    def clear(self) -> None:
        """Takes all faults away."""
        self._tell("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far: `id` of the method, `method`, `path`, `query`."""
        return list(self._tell("GET", "requests"))

    def queries(self) -> list[dict[str, str]]:
        """Every query that was answered: `jobId`, `query`, `engine`."""
        return list(self._tell("GET", "queries"))

    def quotas(self) -> dict[str, Any]:
        """Today's counts: `modifications`, `partition_modifications` and `metadata_updates` of each table, `load_jobs`
        and `query_jobs` of each project, and the `limits`."""
        return dict(self._tell("GET", "quotas"))

    def limit(self, **limits: int) -> None:
        """Sets limits, which are BigQuery's otherwise.

        Raises:
            RefusedError: there is none of that name.
        """
        self._tell("PUT", "quotas", limits)

    def wrong_answers(self) -> list[str]:
        """Answers that were not as Google's document has them, and other bugs: empty, or a test has failed."""
        return list(self._tell("GET", "wrong"))

    def advance(self, seconds: float) -> None:
        """Puts the clock forward."""
        self._tell("POST", "clock", {"advance_seconds": seconds})

    def _tell(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_control/{path}", data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise RefusedError(error.read().decode()) from error
        return json.loads(text) if text else None
