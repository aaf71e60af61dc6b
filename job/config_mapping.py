"""What every mapping of the configuration file is."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the configuration file.

    A mapping is described by its class's docstring and a setting by its annotation. `config/inventory.yaml` and
    `config/reference/configuration.md` are written from both.
    """
