"""Names of fields whose values may be secret: what `show` hides, and what no column of a custom resource may have."""

from __future__ import annotations

import re

# Compared in lower case, without `-` and `_`
COMMANDS = frozenset({"command", "commands", "args", "arguments", "extraargs", "cmd", "entrypoint", "httpheaders"})
ENVIRONMENTS = frozenset({"env", "envs", "envvars", "environment", "extraenv", "extraenvs", "extraenvvars"})
DATA = frozenset({"stringdata", "binarydata"})  # of Secrets and ConfigMaps alone
OPTIONS = frozenset({"volumeattributes", "mountoptions", "keyring"})  # of volumes, which may hold a password
_PASSWORD = re.compile(
    r"(?:password|passwd|passphrase|token|apikey|accesskey|privatekey|secretkey|clientkey)s?$|^(?:secret|credential|auth)s?$"
)
_NO_COLUMN = COMMANDS | ENVIRONMENTS | DATA | OPTIONS | {"data", "envfrom", "annotations", "labels", "managedfields"}


def is_password(name: str) -> bool:
    """Whether a field of this name may hold a password.

    >>> [is_password(name) for name in ("apiToken", "clientKey", "secretName")]
    [True, True, False]
    """
    return _PASSWORD.search(plain_name(name)) is not None


def plain_name(name: str) -> str:
    """The name in the form in which names are compared."""
    return name[-60:].lower().replace("-", "").replace("_", "")


def may_hold_secrets(name: str) -> bool:
    """Whether no column may have the value of a field of this name, or of one below it.

    >>> [may_hold_secrets(name) for name in ("replicas", "env", "annotations", "data", "adminPassword")]
    [False, True, True, True, True]
    """
    return plain_name(name) in _NO_COLUMN or is_password(name)
