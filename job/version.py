"""The version of this program, as it is installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("gke-inventory")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+unknown"

USER_AGENT = f"gke-inventory/{VERSION}"
