"""The project of the environment, as gcloud has it, for who names none."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

_VARIABLES = ("CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT")


def default_project() -> str | None:
    """The project of `CLOUDSDK_CORE_PROJECT` or `GOOGLE_CLOUD_PROJECT`, else of gcloud's active configuration.

    https://cloud.google.com/sdk/docs/properties
    """
    for variable in _VARIABLES:
        if project := os.environ.get(variable):
            return project
    try:
        folder = Path(os.environ.get("CLOUDSDK_CONFIG") or Path("~/.config/gcloud").expanduser())
        name = os.environ.get("CLOUDSDK_ACTIVE_CONFIG_NAME") or (folder / "active_config").read_text().strip()
        parser = configparser.RawConfigParser()
        parser.read_string((folder / "configurations" / f"config_{name}").read_text())
    except (OSError, RuntimeError, ValueError, configparser.Error):  # no home, no gcloud, or a file of another form
        return None
    return parser.get("core", "project", fallback=None) or None
