"""The settings that a record declares: their keys, types, descriptions and environment variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

PREFIX = "GKE_INVENTORY_"


class Setting(NamedTuple):
    """A setting that has a value of its own, not a mapping of other settings."""

    path: tuple[str, ...]
    type: Any

    @property
    def key(self) -> str:
        """As the file has it, with a dot for each mapping."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that has the value."""
        return f"{PREFIX}{'_'.join(self.path).upper()}"

    @property
    def description(self) -> str:
        """What the setting does, in a few sentences."""
        return next(part for part in self.type.__metadata__ if isinstance(part, str))

    def value_in(self, config: msgspec.Struct) -> Any:
        """Its value in a configuration."""
        value: Any = config
        for name in self.path:
            value = getattr(value, name)
        return value


def settings_of(record: type[msgspec.Struct], above: tuple[str, ...] = ()) -> Iterator[Setting]:
    """All settings of a record, and of the records in it."""
    for field in msgspec.structs.fields(record):
        path = (*above, field.name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from settings_of(field.type, path)
        else:
            yield Setting(path, field.type)
