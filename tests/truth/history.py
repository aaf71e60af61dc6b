"""Histories as data, drawn at random: how a fleet changes, which faults it has, and which runs collect it.

A history is drawn chapter by chapter while it is played, so a failing one ends with the chapter that fails.

Steps name clusters, projects and objects by number, modulo how many exist when the step is played.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from declared import OBJECT_TABLES
from hypothesis import strategies as st
from truth.custom_resources import GROUPS, PLURALS
from truth.model import KINDS, MENDED_BY_ASKING_AGAIN, NO_CONNECTION


class Step:
    """Its `repr` is the call that creates it."""

    def __repr__(self) -> str:
        values = ((field, getattr(self, field.name)) for field in fields(self))  # type: ignore[arg-type]
        named = [f"{field.name}={value!r}" for field, value in values if value != field.default]
        return f"{type(self).__name__}({', '.join(named)})"


@dataclass(frozen=True, repr=False)
class Fleet(Step):
    """The fleet at the start."""

    clusters: int
    pods: int
    seed: int


@dataclass(frozen=True, repr=False)
class Create(Step):
    """Creates an object like an existing one; a custom resource also where there is none."""

    cluster: int
    kind: str
    like: int = 0


@dataclass(frozen=True, repr=False)
class Alter(Step):
    """Changes an object."""

    cluster: int
    kind: str
    which: int = 0


@dataclass(frozen=True, repr=False)
class Delete(Step):
    """Deletes an object."""

    cluster: int
    kind: str
    which: int = 0


@dataclass(frozen=True, repr=False)
class DeleteCluster(Step):
    cluster: int


@dataclass(frozen=True, repr=False)
class CreateCluster(Step):
    """Creates a cluster, under the name of a deleted one where there is one."""

    project: int


@dataclass(frozen=True, repr=False)
class SetStatus(Step):
    cluster: int
    status: str


@dataclass(frozen=True, repr=False)
class Forbid(Step):
    """From now on, the identity may list all kinds except these."""

    cluster: int
    kinds: tuple[str, ...]


Change = Create | Alter | Delete | DeleteCluster | CreateCluster | SetStatus | Forbid


@dataclass(frozen=True, repr=False)
class Trouble(Step):
    """A fault of one cluster during one run."""

    cluster: int
    kind: str
    resource: str = "*"
    times: int | None = None
    page: int | None = None
    code: int | None = None
    group: str = ""

    @property
    def options(self) -> tuple[tuple[str, int | str | None], ...]:
        """What the kind of fault needs besides."""
        if self.group:
            return (("group", self.group),)
        return (("code", self.code),) if self.kind == "status" else ()


@dataclass(frozen=True, repr=False)
class ProjectTrouble(Step):
    """A fault of the GKE API during one run; a missing zone is that of one of the clusters."""

    project: int
    kind: str


@dataclass(frozen=True, repr=False)
class Death(Step):
    """An attempt that dies after it has loaded exactly these tables."""

    loaded: tuple[str, ...] = ()
    repeated: bool = False
    """The next attempt has the same number, as if somebody started it by hand."""


@dataclass(frozen=True, repr=False)
class Run(Step):
    """A run: its configuration, and what happens to its attempts."""

    skip: tuple[int, ...] = ()
    """Projects that it is not configured to collect."""
    exclude: tuple[int, ...] = ()
    """Clusters that it excludes."""
    off: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    """Globs of custom resources that are read by their metadata."""
    without_objects: tuple[str, ...] = ()
    page_limit: int = 500
    tasks: int = 1
    deaths: tuple[Death, ...] = ()
    """The attempts of the first task that die before its last one."""
    gives_up: Literal["", "first", "last"] = ""
    """The first or the last task has no last attempt: nobody retries it."""
    late: Literal["", "attempt", "run"] = ""
    """`attempt`: a slow attempt tries to commit after the next one. `run`: a slow run commits after the next run."""


@dataclass(frozen=True, repr=False)
class Chapter(Step):
    """The changes between two runs, the faults during the second, and that run."""

    changes: tuple[Change, ...] = ()
    troubles: tuple[Trouble | ProjectTrouble, ...] = ()
    run: Run = Run()


def _tuples(what: st.SearchStrategy[object], most: int) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(what, max_size=most).map(tuple)


_NUMBERS = st.integers(0, 3)
_KINDS = st.sampled_from(tuple(KINDS))
_CUSTOM = st.sampled_from(tuple(PLURALS.values()))
_OBJECTS = (_NUMBERS, st.one_of(_KINDS, _KINDS, _CUSTOM), st.integers(0, 9))
_CHANGES: st.SearchStrategy[object] = st.one_of(
    st.builds(Create, *_OBJECTS),
    st.builds(Alter, *_OBJECTS),
    st.builds(Delete, *_OBJECTS),
    st.builds(Delete, *_OBJECTS),
    st.builds(DeleteCluster, _NUMBERS),
    st.builds(CreateCluster, _NUMBERS),
    st.builds(CreateCluster, _NUMBERS),
    st.builds(SetStatus, _NUMBERS, st.sampled_from(("RUNNING", "PROVISIONING", "RECONCILING", "STOPPING", "ERROR"))),
    st.builds(
        Forbid,
        _NUMBERS,
        st.lists(st.sampled_from((*KINDS, *PLURALS.values(), "*")), unique=True, max_size=3).map(tuple),
    ),
)
_PAGES = st.sampled_from((None, None, 1, 2))
_TROUBLES: st.SearchStrategy[object] = st.one_of(
    # during the whole run
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
    st.builds(
        Trouble,
        _NUMBERS,
        st.sampled_from(("broken_api", "absent_group")),
        st.just("discovery"),
        group=st.sampled_from(GROUPS),
    ),
    st.builds(
        Trouble,
        _NUMBERS,
        st.sampled_from(("not_served", "invalid_json", "forbidden")),
        st.one_of(_CUSTOM, st.just("discovery")),
    ),
    st.builds(Trouble, _NUMBERS, st.just("status"), st.just("discovery"), code=st.sampled_from((429, 500, 503))),
    # once or twice: a retry must hide them
    st.builds(Trouble, _NUMBERS, st.sampled_from(MENDED_BY_ASKING_AGAIN), _KINDS, st.just(1), code=st.just(503)),
    st.builds(Trouble, _NUMBERS, st.just("expired_continue"), _KINDS, st.just(2)),
    # faults of the GKE API
    st.builds(
        ProjectTrouble,
        _NUMBERS,
        st.sampled_from(
            ("gke_denied", "gke_disabled", "gke_not_found", "gke_unavailable", "missing_zones", "missing_zones")
        ),
    ),
)
_OBJECT_GLOBS = (
    ("*.argoproj.io", "gameservers.agones.dev", "*.leaderworkerset.x-k8s.io"),
    (),
    ("*.argoproj.io",),
    ("rollouts.*", "things.example.com", "*.argoprj.io"),
    ("*.agones.dev", "strimzi*.core.strimzi.io", "*.sparkoperator.k8s.io"),
)
"""Of what a simulated API server serves, and of what it does not."""
_ASKED = {
    "skip": st.sampled_from(((), (), (), (0,), (1, 2))),
    "exclude": st.sampled_from(((), (), (), (0,), (1, 2))),
    "off": st.lists(_KINDS, unique=True, max_size=2).map(tuple),
    "objects": st.sampled_from(_OBJECT_GLOBS),
    "without_objects": st.sampled_from(((), (), (), ("*.agones.dev",), ("*",))),
    "page_limit": st.sampled_from((500, 3, 1)),
}
_LOADED = ("clusters", "namespaces", "workloads", "pods", "collections", "snapshots")
_DEATHS = st.builds(
    Death,
    st.one_of(
        st.just(()),
        st.lists(st.sampled_from(_LOADED), unique=True).map(tuple),
        st.just((*OBJECT_TABLES, "collections", "snapshots")),
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
    gives_up=st.sampled_from(("", "", "", "first", "last")),
    late=st.sampled_from(("", "", "attempt", "run")),
)
"""Runs with attempts that are killed and retried, or slow."""


def drawn(data: st.DataObject, runs: st.SearchStrategy[Run]) -> tuple[Fleet, Iterator[Chapter]]:
    """Draws a history."""
    fleet = data.draw(_FLEETS, "fleet")
    return fleet, _drawn(data, st.builds(Chapter, _tuples(_CHANGES, 5), _tuples(_TROUBLES, 3), runs))


def _drawn(data: st.DataObject, chapters: st.SearchStrategy[Chapter]) -> Iterator[Chapter]:
    for number in range(1, _MOST_CHAPTERS + 1):
        yield data.draw(chapters, f"chapter {number}")
        if number >= _FEWEST_CHAPTERS and not data.draw(st.integers(0, 3), "0 is the end"):
            return


_FEWEST_CHAPTERS, _MOST_CHAPTERS = 3, 8
_FLEETS = st.builds(Fleet, st.sampled_from((1, 2, 3, 4)), st.sampled_from((4, 9, 16, 40)), st.integers(1, 50))
