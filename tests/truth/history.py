"""A history: what becomes of a fleet, what is in the way, and which runs are made of it; as data, and drawn at random.

It is drawn chapter by chapter while it is played, so that nothing has been drawn beyond the one where it goes wrong.

Clusters, projects and objects are named by numbers, which count round among what there is when the step is played.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from declared import OBJECT_TABLES
from hypothesis import strategies as st
from truth.model import KINDS, MENDED_BY_ASKING_AGAIN, NO_CONNECTION


class Step:
    """Shows itself as it would be written."""

    def __repr__(self) -> str:
        told = ((field, getattr(self, field.name)) for field in fields(self))  # type: ignore[arg-type]
        named = [f"{field.name}={value!r}" for field, value in told if value != field.default]
        return f"{type(self).__name__}({', '.join(named)})"


@dataclass(frozen=True, repr=False)
class Fleet(Step):
    """What there is at first."""

    clusters: int
    pods: int
    seed: int


@dataclass(frozen=True, repr=False)
class Create(Step):
    """Another object like one that is there."""

    cluster: int
    kind: str
    like: int = 0


@dataclass(frozen=True, repr=False)
class Alter(Step):
    """The object is not as it was."""

    cluster: int
    kind: str
    which: int = 0


@dataclass(frozen=True, repr=False)
class Delete(Step):
    """The object is gone."""

    cluster: int
    kind: str
    which: int = 0


@dataclass(frozen=True, repr=False)
class DeleteCluster(Step):
    cluster: int


@dataclass(frozen=True, repr=False)
class CreateCluster(Step):
    """Under a name that was there before, where there is one."""

    project: int


@dataclass(frozen=True, repr=False)
class SetStatus(Step):
    cluster: int
    status: str


@dataclass(frozen=True, repr=False)
class Forbid(Step):
    """From now on, the identity may list all but these."""

    cluster: int
    kinds: tuple[str, ...]


Change = Create | Alter | Delete | DeleteCluster | CreateCluster | SetStatus | Forbid


@dataclass(frozen=True, repr=False)
class Trouble(Step):
    """A fault of one cluster, for one run."""

    cluster: int
    kind: str
    resource: str = "*"
    times: int | None = None
    page: int | None = None
    code: int | None = None


@dataclass(frozen=True, repr=False)
class ProjectTrouble(Step):
    """A fault of the GKE API, for one run; of missing zones, it is that of one of the clusters."""

    project: int
    kind: str


@dataclass(frozen=True, repr=False)
class Death(Step):
    """An attempt that dies when it has loaded these tables, and no others."""

    loaded: tuple[str, ...] = ()
    repeated: bool = False
    """The next attempt has the same number, as when somebody starts it by hand."""


@dataclass(frozen=True, repr=False)
class Run(Step):
    """A run: what it is asked for, and how its attempts go."""

    skip: tuple[int, ...] = ()
    """Projects that it is not asked for."""
    exclude: tuple[int, ...] = ()
    """Clusters that it is not to collect."""
    off: tuple[str, ...] = ()
    page_limit: int = 500
    tasks: int = 1
    deaths: tuple[Death, ...] = ()
    """What became of the first task's attempts before the last."""
    gives_up: bool = False
    """There is no last one of the last task."""
    late: Literal["", "attempt", "run"] = ""
    """An `attempt` that is slow, and wants to commit when the next has; a slow `run`, which commits after the next."""


@dataclass(frozen=True, repr=False)
class Chapter(Step):
    """What happens between two runs, what is in the way of the second, and that run."""

    changes: tuple[Change, ...] = ()
    troubles: tuple[Trouble | ProjectTrouble, ...] = ()
    run: Run = Run()


def _tuples(what: st.SearchStrategy[object], most: int) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(what, max_size=most).map(tuple)


_NUMBERS = st.integers(0, 3)
_KINDS = st.sampled_from(tuple(KINDS))
_OBJECTS = (_NUMBERS, _KINDS, st.integers(0, 9))
_CHANGES: st.SearchStrategy[object] = st.one_of(
    st.builds(Create, *_OBJECTS),
    st.builds(Alter, *_OBJECTS),
    st.builds(Delete, *_OBJECTS),
    st.builds(Delete, *_OBJECTS),
    st.builds(DeleteCluster, _NUMBERS),
    st.builds(CreateCluster, _NUMBERS),
    st.builds(CreateCluster, _NUMBERS),
    st.builds(SetStatus, _NUMBERS, st.sampled_from(("RUNNING", "PROVISIONING", "RECONCILING", "STOPPING", "ERROR"))),
    st.builds(Forbid, _NUMBERS, st.lists(st.sampled_from((*KINDS, "*")), unique=True, max_size=3).map(tuple)),
)
_PAGES = st.sampled_from((None, None, 1, 2))
_TROUBLES: st.SearchStrategy[object] = st.one_of(
    # for as long as the run lasts
    st.builds(
        Trouble,
        _NUMBERS,
        st.sampled_from(("forbidden", "unauthorized", "not_served", "not_acceptable", "reset", "invalid_json")),
        st.sampled_from((*KINDS, "*")),
        page=_PAGES,
    ),
    st.builds(Trouble, _NUMBERS, st.just("status"), _KINDS, page=_PAGES, code=st.sampled_from((429, 500, 503))),
    st.builds(Trouble, _NUMBERS, st.just("wrong_type"), _KINDS, st.sampled_from((None, 1)), _PAGES),
    st.builds(Trouble, _NUMBERS, st.sampled_from(("expired_continue", "repeat_continue", "unknown_fields")), _KINDS),
    st.builds(Trouble, _NUMBERS, st.sampled_from(NO_CONNECTION)),
    # once or twice: nothing may be missing for it
    st.builds(Trouble, _NUMBERS, st.sampled_from(MENDED_BY_ASKING_AGAIN), _KINDS, st.just(1), code=st.just(503)),
    st.builds(Trouble, _NUMBERS, st.just("expired_continue"), _KINDS, st.just(2)),
    # of the GKE API
    st.builds(
        ProjectTrouble,
        _NUMBERS,
        st.sampled_from(
            ("gke_denied", "gke_disabled", "gke_not_found", "gke_unavailable", "missing_zones", "missing_zones")
        ),
    ),
)
_ASKED = {
    "skip": st.sampled_from(((), (), (), (0,), (1, 2))),
    "exclude": st.sampled_from(((), (), (), (0,), (1, 2))),
    "off": st.lists(_KINDS, unique=True, max_size=2).map(tuple),
    "page_limit": st.sampled_from((500, 3, 1)),
}
_LOADED = ("clusters", "namespaces", "workloads", "pods", "collections", "runs")
_DEATHS = st.builds(
    Death,
    st.one_of(
        st.just(()),
        st.lists(st.sampled_from(_LOADED), unique=True).map(tuple),
        st.just((*OBJECT_TABLES, "collections", "runs")),
    ),
    st.booleans(),
)  # fmt: skip
RUNS = st.builds(Run, **_ASKED)
"""Runs of one attempt."""
DYING_RUNS = st.builds(
    Run,
    **_ASKED,
    tasks=st.sampled_from((1, 1, 2)),
    deaths=_tuples(_DEATHS, 2),
    gives_up=st.sampled_from((False, False, True)),
    late=st.sampled_from(("", "", "attempt", "run")),
)
"""Runs of which attempts are killed and made again, or slow."""


def drawn(data: st.DataObject, runs: st.SearchStrategy[Run]) -> tuple[Fleet, Iterator[Chapter]]:
    """Any history."""
    fleet = data.draw(_FLEETS, "fleet")
    return fleet, _drawn(data, st.builds(Chapter, _tuples(_CHANGES, 5), _tuples(_TROUBLES, 3), runs))


def _drawn(data: st.DataObject, chapters: st.SearchStrategy[Chapter]) -> Iterator[Chapter]:
    for number in range(1, _MOST_CHAPTERS + 1):
        yield data.draw(chapters, f"chapter {number}")
        if number >= _FEWEST_CHAPTERS and not data.draw(st.integers(0, 3), "0 is the end"):
            return


_FEWEST_CHAPTERS, _MOST_CHAPTERS = 3, 8
_FLEETS = st.builds(Fleet, st.sampled_from((1, 2, 3, 4)), st.sampled_from((4, 9, 16)), st.integers(1, 50))
