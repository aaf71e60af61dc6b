"""Controls a simulated BigQuery over its control API: faults, clock, quotas, and a log of requests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


class RefusedError(ValueError):
    """The control API refused a request."""


@dataclass(frozen=True)
class Control:
    """A client of the control API of one simulated BigQuery."""

    endpoint: str
    """`http://127.0.0.1:PORT`, the same as for BigQuery clients."""

    def fault(self, kind: str, **options: Any) -> None:
        """Injects a fault.

        Args:
            kind: one of `job.simulator.bigquery.faults.KINDS`.
            options: `method`, `path` and `table` (globs), `times`, and options of the kind: `code`, `reason`,
                `message`, `seconds`, `state`.

        Raises:
            RefusedError: the fault does not exist.
        """
        self._call("POST", "faults", [{"kind": kind, **options}])

    def clear(self) -> None:
        """Removes all faults."""
        self._call("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        """Every request so far: `id` of the method, `method`, `path`, `query`."""
        return list(self._call("GET", "requests"))

    def queries(self) -> list[dict[str, str]]:
        """Every query answered so far: `jobId`, `query`, `engine`."""
        return list(self._call("GET", "queries"))

    def quotas(self) -> dict[str, Any]:
        """Today's counts, and the limits.

        `modifications`, `partition_modifications` and `metadata_updates` by table, `load_jobs` and `query_jobs` by
        project, `limits` by name.
        """
        return dict(self._call("GET", "quotas"))

    def limit(self, **limits: int) -> None:
        """Overrides limits; the defaults are BigQuery's.

        Raises:
            RefusedError: a limit does not exist.
        """
        self._call("PUT", "quotas", limits)

    def catalog(self, name: str) -> dict[str, Any]:
        """The resources of the dataset `project:dataset`, its tables, views and routines, without rows."""
        return dict(self._call("GET", f"catalogs/{name}"))

    def restore(self, catalog: dict[str, Any]) -> None:
        """Makes a dataset as `catalog` returns it. Its names may have been replaced, wherever they stand."""
        self._call("POST", "catalogs", catalog)

    def wrong_answers(self) -> list[str]:
        """Bugs of the simulator, such as answers that do not match Google's document; a test fails if there are any."""
        return list(self._call("GET", "wrong"))

    def advance(self, seconds: float) -> None:
        """Moves the clock forward."""
        self._call("POST", "clock", {"advance_seconds": seconds})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
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
