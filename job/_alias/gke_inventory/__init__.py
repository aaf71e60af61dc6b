"""`import gke_inventory` does what `import job` does, also beside a file `job.py`.

Our modules import each other as `job.config`, `job.frames` and so on. So in a process that imports this package, `job`
means our package, loaded from where this one is installed. A `job.py` that comes earlier on the path is not executed.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from job import *  # noqa: F403


def _load() -> ModuleType:
    """Loads our package `job`, from beside this package in an installation, or from around it in a source tree."""
    here = Path(__file__).absolute().parent
    root = here.parent if (here.parent / "job" / "__init__.py").is_file() else here.parents[2]
    spec = PathFinder.find_spec("job", [str(root)])
    if spec is None or spec.loader is None:
        raise ImportError(f"gke-inventory is incomplete: {root} has no package `job`; install gke-inventory again")
    loaded = sys.modules.get("job")
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
        if origin is not None and os.path.realpath(origin) == os.path.realpath(spec.origin or ""):
            return loaded
        warnings.warn(
            f"from now on, `import job` gives gke-inventory's package, not {origin}: rename that file to use both",
            RuntimeWarning,
            stacklevel=3,
        )
        for name in [name for name in sys.modules if name.partition(".")[0] == "job"]:
            del sys.modules[name]
    package = module_from_spec(spec)
    sys.modules["job"] = package
    spec.loader.exec_module(package)
    return package


_package = _load()
__all__ = list(_package.__all__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_package, name)


def __dir__() -> list[str]:
    return sorted(__all__)
