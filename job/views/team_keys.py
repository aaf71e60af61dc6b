"""The labels and annotations that name a team, by which the view `ownership` looks for one."""

from __future__ import annotations

from collections.abc import Sequence

from job.views.row_columns import LabelColumn, RowColumn

TEAM = "team"
"""The column of the configuration (`columns`) whose keys count, in place of the usual ones."""
# `app.kubernetes.io/part-of` names an application, which several teams may share: who means a team by it configures it
USUAL = LabelColumn(TEAM, labels=("team", "owner"), annotations=("a8r.io/owner",))
"""Annotations count where they are kept. https://ambassadorlabs.github.io/k8s-for-humans/"""


def team_keys(configured: Sequence[RowColumn]) -> str:
    """An array in BigQuery's SQL: each key, of a label or an annotation, and its place in their order."""
    column = next((each for each in configured if isinstance(each, LabelColumn) and each.name == TEAM), USUAL)
    keys = [("label", key) for key in column.labels] + [("annotation", key) for key in column.annotations]
    structs = (
        f"STRUCT('{form}' AS form, '{key}' AS pair_key, {place} AS place)" for place, (form, key) in enumerate(keys)
    )
    return f"[{', '.join(structs)}]"
