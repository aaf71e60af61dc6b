"""What can be reached from outside, and the workload behind it."""

from __future__ import annotations

from job.report.section import Section, Table

SECTION = Section(
    name="exposure",
    title="Exposure",
    about="What can be reached from outside the VPC network, and which workload is behind it?",
    tables=(
        Table(
            name="ways-in",
            title="Ways in from outside",
            sql="""\
SELECT
  project_id,
  location,
  cluster,
  reachable,
  way,
  namespace,
  name,
  ARRAY_TO_STRING(addresses, ', ') AS addresses,
  port,
  workload_kind,
  workload_name,
  pods,
  network_policy
FROM ${exposed}""",
            order="CASE reachable WHEN 'yes' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END, project_id, location, cluster, "
            "namespace, way, name, port, workload_kind, workload_name",
            limit=100,
            note="depends: on a firewall rule, or on the controller of another class. Firewall rules are not read.",
        ),
    ),
)
