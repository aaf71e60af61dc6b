"""The mapping `report` of the configuration: the page that a run writes."""

from __future__ import annotations

from typing import Annotated

import msgspec

from job.config_mapping import Settings

ReportOutput = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(gs://[a-z0-9][a-z0-9._-]*/[^\r\n]+|[^:\r\n]+)\.(html?|md|txt)$",
        max_length=1100,
        description="a file or gs://BUCKET/OBJECT that ends in .html, .md or .txt",
    ),
]


class Report(Settings, frozen=True, kw_only=True):
    """The report that a run writes once it has committed."""

    output: Annotated[
        ReportOutput | None,
        "Where a run writes the report of `gke-inventory report`, in place of the one that is there: a file, or an "
        "object of Cloud Storage such as `gs://my-bucket/fleet.html`, for which the job needs roles/storage.objectUser "
        "on the bucket. Of several tasks the last to commit writes it. A report that cannot be written is an error in "
        "the log: the run is committed all the same, and exits as it would without one. By default none is written.",
    ] = None
