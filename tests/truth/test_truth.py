"""Truth as a property: whatever happens to a fleet and to its runs, no view ever shows anything wrong.

After each run, each object of the simulator's own inventory is shown with the right values, or missing for a known
reason; a deleted object is in no view. `TRUTH_EXAMPLES=1000` plays that many histories, different ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import pytest
from declared import OBJECT_TABLES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from truth.history import (
    DYING_RUNS,
    RUNS,
    Chapter,
    CreateCluster,
    Death,
    DeleteCluster,
    Fleet,
    Run,
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
