"""Objects of Cloud Storage that commands write: each is whole, or what was there before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from job.config import Config
from job.config_checks import check_endpoint
from job.connect.identity import bigquery_identity, configured_identity
from job.errors import ConfigError, InventoryError
from job.printable import printable
from job.scratch import scratch_folder
from job.version import USER_AGENT
from job.waiting import waiting_for
from job.wire.rpc import google_error

SCHEME = "gs://"
_URL = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/([^\r\n]{1,1024})")
_ADVICE = {403: "grant roles/storage.objectUser on the bucket", 404: "create the bucket, or name another"}
_CONTENT_TYPES = {".md": "text/markdown", ".txt": "text/plain"}


@contextmanager
def new_object(url: str, config: Config) -> Iterator[Path]:
    """An empty file that becomes the object when the block ends without an error.

    The identity is that for BigQuery. It needs `storage.objects.create` on the bucket, and `storage.objects.delete` to
    replace what is there (https://cloud.google.com/storage/docs/access-control/iam-permissions).

    Args:
        url: `gs://BUCKET/OBJECT`.

    Raises:
        ConfigError: it is no such name, or the endpoint would get a token without TLS.
        InventoryError: Cloud Storage refuses the object, or cannot be reached.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise ConfigError(f"{url[:200]} is no object of Cloud Storage; write gs://BUCKET/OBJECT")
    if config.api_endpoints.storage is not None:
        check_endpoint("api_endpoints.storage", config.api_endpoints.storage)
    with scratch_folder() as folder:
        file = folder / "object"
        file.touch()
        yield file
        with waiting_for(f"Cloud Storage to take {url}", config.timeouts.sink_seconds):
            _upload(config, file, found[1], found[2])


def _upload(config: Config, file: Path, bucket: str, name: str) -> None:
    from google.api_core.client_info import ClientInfo
    from google.api_core.client_options import ClientOptions
    from google.api_core.exceptions import GoogleAPIError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage  # type: ignore[attr-defined]
    from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]

    identity = bigquery_identity(config, lambda: configured_identity(config))
    options = ClientOptions(api_endpoint=config.api_endpoints.storage, universe_domain=identity.universe_domain)
    info = ClientInfo(user_agent=USER_AGENT)  # type: ignore[no-untyped-call]
    with storage.Client(project="-", credentials=identity.shared(), client_options=options, client_info=info) as client:
        blob = client.bucket(bucket).blob(name)
        blob.cache_control = "no-cache"  # of an object that anybody may read, the newest is shown
        try:
            blob.upload_from_filename(
                str(file),
                content_type=f"{_CONTENT_TYPES.get(Path(name).suffix.lower(), 'text/html')}; charset=utf-8",
                timeout=config.timeouts.request_seconds,
                retry=DEFAULT_RETRY.with_timeout(config.timeouts.sink_seconds),
            )
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            cause = error.cause if isinstance(error, RetryError) and error.cause else error
            raise InventoryError(f"cannot write {SCHEME}{bucket}/{name}: {_advised(cause)}") from error


def _advised(error: Any) -> str:
    """What Cloud Storage says, and what to do."""
    body = getattr(getattr(error, "response", None), "content", None)
    found = google_error(memoryview(body)) if isinstance(body, bytes) else None
    words = printable(found.message if found else str(getattr(error, "message", None) or error), 300).rstrip(". ")
    advice = _ADVICE.get(getattr(error, "code", 0))
    return f"{words}; {advice}" if advice else words
