"""The version of this program as it is installed, and the build that its image was made from."""

import os
from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("gke-inventory")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+unknown"

BUILD = os.environ.get("GKE_INVENTORY_BUILD", "")
"""A commit, as a rule; set by the Dockerfile's `BUILD`, and empty elsewhere."""

USER_AGENT = f"gke-inventory/{VERSION}"


def described() -> str:
    """What `--version` prints: `gke-inventory 0.1.0 (build abc1234)`."""
    return f"gke-inventory {VERSION}" + (f" (build {BUILD})" if BUILD else "")
