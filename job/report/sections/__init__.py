"""The sections of the report, in order. A new one is a file here, and its name in this list."""

from __future__ import annotations

from job.report.section import Section
from job.report.sections import (
    changes,
    coverage,
    exposure,
    fleet,
    images,
    ownership,
    resilience,
    security,
    trouble,
    versions,
)

SECTIONS: tuple[Section, ...] = (
    coverage.SECTION,
    fleet.SECTION,
    trouble.SECTION,
    changes.SECTION,
    images.SECTION,
    security.SECTION,
    exposure.SECTION,
    resilience.SECTION,
    ownership.SECTION,
    versions.SECTION,
)
