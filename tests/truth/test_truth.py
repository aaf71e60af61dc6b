"""Truth as a property: whatever happens to a fleet and to its runs, no view ever shows anything wrong.

After each run, each object of the simulator's own inventory is shown with the right values, or missing for a known
reason; a deleted object is in no view. `TRUTH_EXAMPLES=1000` plays that many histories, different ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from declared import OBJECT_TABLES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from truth.history import (
    DYING_RUNS,
    RUNS,
    Alter,
    Chapter,
    Create,
    CreateCluster,
    Death,
    Delete,
    DeleteCluster,
    Fleet,
    Forbid,
    Run,
    SetStatus,
    Trouble,
    drawn,
)
from truth.stage import Stage, Warehouse
from truth.warehouses import BigQuery, DuckDB

from job.simulator import Simulator

EXAMPLES = os.environ.get("TRUTH_EXAMPLES")

pytestmark = [pytest.mark.usefixtures("environment"), pytest.mark.timeout(3600 if EXAMPLES else 600)]


def examples(number: int) -> settings:
    """The number of histories to draw: the same ones each time, unless `TRUTH_EXAMPLES` is set."""
    return settings(
        max_examples=int(EXAMPLES or number),
        derandomize=EXAMPLES is None,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
        print_blob=False,
    )


Play = Callable[[Warehouse, Fleet, Iterable[Chapter]], None]


@pytest.fixture
def play(simulator: Simulator) -> Iterator[Play]:
    """Plays a history into a warehouse, and checks every view after each attempt of each run."""

    judged = []

    def played(warehouse: Warehouse, fleet: Fleet, chapters: Iterable[Chapter]) -> None:
        stage = Stage(simulator, warehouse, fleet)
        try:
            stage.play(chapters)
        finally:
            judged.append(stage.judged)
            warehouse.close()

    yield played
    print(f"{len(judged)} histories, {sum(judged)} times judged")


@examples(2)
@given(data=st.data())
def test_views_show_the_truth_after_any_history(play: Play, data: st.DataObject) -> None:
    play(DuckDB(), *drawn(data, RUNS))


@examples(1)
@given(data=st.data())
def test_no_killed_slow_or_repeated_attempt_shows(play: Play, data: st.DataObject) -> None:
    play(DuckDB(), *drawn(data, DYING_RUNS))


@examples(1)
@given(data=st.data())
def test_the_same_holds_in_bigquery(play: Play, simulator: Simulator, data: st.DataObject) -> None:
    play(BigQuery(simulator.bigquery_endpoint), *drawn(data, DYING_RUNS))


CUSTOM = Run(objects=("*.argoproj.io", "gameservers.agones.dev", "*.leaderworkerset.x-k8s.io"))
OTHERS = Run(objects=("rollouts.*", "things.example.com", "*.argoprj.io"))
FLEET = Fleet(1, 40, 7)
"""It has three of the custom resources that `CUSTOM` chooses."""


def test_custom_resources_whose_discovery_fails_are_not_deleted(play: Play) -> None:
    failing = (Trouble(0, "status", "discovery", code=500),)
    play(DuckDB(), FLEET, (Chapter(run=CUSTOM), Chapter((Delete(0, "rollouts"),), failing, CUSTOM)))


@pytest.mark.exhaustive
def test_custom_resources_are_shown_through_every_way_in_which_they_are_not_read(play: Play) -> None:
    stale = Trouble(0, "broken_api", "discovery", group="argoproj.io")
    stale_elsewhere = Trouble(0, "broken_api", "discovery", group="agones.dev")
    absent = Trouble(0, "absent_group", "discovery", group="argoproj.io")
    changes = (Delete(0, "rollouts"), Alter(0, "gameservers"), Create(0, "leaderworkersets"))
    play(DuckDB(), FLEET, (
        Chapter(run=CUSTOM),
        Chapter(changes, run=replace(CUSTOM, page_limit=1)),
        Chapter((), (Trouble(0, "forbidden", "gameservers"),), CUSTOM),
        Chapter((Create(0, "rollouts"),), (Trouble(0, "not_served", "discovery"),), CUSTOM),
        Chapter((), (Trouble(0, "invalid_json", "discovery"),), CUSTOM),
        Chapter((), (stale,), CUSTOM),
        Chapter((), (stale_elsewhere,), replace(CUSTOM, without_objects=("*.agones.dev",))),
        Chapter((), (absent,), CUSTOM),
        Chapter((), (), OTHERS),
        Chapter((), (stale_elsewhere, Trouble(0, "wrong_type", "rollouts")), OTHERS),
        Chapter((), (Trouble(0, "refuse"),), OTHERS),
        Chapter((SetStatus(0, "ERROR"),), (), OTHERS),
        Chapter((SetStatus(0, "RUNNING"),), (), replace(OTHERS, without_objects=("*",))),
        Chapter((), (), CUSTOM),
        Chapter((), (), Run()),
        Chapter((Forbid(0, ("*",)),), (), CUSTOM),
        Chapter((DeleteCluster(0), CreateCluster(0)), (), CUSTOM),
    ))  # fmt: skip


# Regressions.


@pytest.mark.exhaustive
def test_a_cluster_that_is_created_again_and_not_collected_does_not_bring_the_old_one_back(play: Play) -> None:
    read, gone = Chapter(), Chapter((DeleteCluster(0),))
    made_anew = Chapter((CreateCluster(0),), run=Run(exclude=(0,)))
    play(DuckDB(), Fleet(1, 4, 1), (read, gone, made_anew))


@pytest.mark.exhaustive
def test_a_cluster_that_one_task_found_gone_is_not_never_read(play: Play) -> None:
    one_task_alone = Chapter((DeleteCluster(0),), run=Run(tasks=2, gives_up="last"))
    play(DuckDB(), Fleet(1, 4, 1), (Chapter(), one_task_alone))


@pytest.mark.exhaustive
@pytest.mark.parametrize("loaded", [(*OBJECT_TABLES, "collections", "snapshots"), ("collections", "snapshots")])
def test_an_attempt_repeated_under_its_number_does_not_show_the_one_that_died(
    play: Play, loaded: tuple[str, ...]
) -> None:
    play(DuckDB(), Fleet(1, 4, 1), (Chapter(), Chapter(run=Run(deaths=(Death(loaded, repeated=True),)))))
