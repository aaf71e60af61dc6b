"""The images: where they come from, which run under one tag with several digests, and which are used most."""

from __future__ import annotations

from job.report.section import Bars, Section, Table

SECTION = Section(
    name="images",
    title="Images",
    about="Which images are used, from which registries, and does each tag mean one image?",
    tables=(
        Table(
            name="registries",
            title="Images by registry",
            sql="""\
SELECT
  COALESCE(image_registry, '(no valid reference)') AS image_registry,
  COUNT(DISTINCT image) AS images,
  COUNT(*) AS workloads,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${images}
GROUP BY 1""",
            order="workloads DESC, image_registry",
            limit=25,
            note="A workload that uses several images of a registry counts for each. docker.io is the registry of an "
            "image that names none.",
            bars=Bars(("workloads",)),
        ),
        Table(
            name="tags-with-several-digests",
            title="Tags under which several digests run",
            sql="""\
SELECT
  image,
  MAX(digests_of_tag) AS digests,
  COUNT(*) AS workloads,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${images}
WHERE digests_of_tag > 1
GROUP BY image""",
            order="digests DESC, workloads DESC, image",
            limit=30,
            note="If the tag was moved, containers that started at different times run different images.",
        ),
        Table(
            name="pinned-mismatches",
            title="Containers that run another digest than the one they are pinned to",
            sql="""\
SELECT project_id, location, cluster, namespace, workload_kind, workload_name, image
FROM ${images}
WHERE pinned_mismatch""",
            order="project_id, location, cluster, namespace, workload_kind, workload_name, image",
            limit=30,
        ),
        Table(
            name="most-used-images",
            title="Images that most workloads use",
            sql="""\
SELECT
  image,
  COUNT(*) AS workloads,
  SUM(containers) AS containers,
  COUNT(DISTINCT project_id || '/' || location || '/' || cluster) AS clusters
FROM ${images}
GROUP BY image""",
            order="workloads DESC, containers DESC, image",
            limit=25,
            bars=Bars(("workloads",)),
        ),
    ),
)
