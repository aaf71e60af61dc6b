"""What `show` hides of an object: values that may be a password, by the kind and the names that came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from job.printable import without_tokens
from job.secret_fields import COMMANDS, DATA, ENVIRONMENTS, OPTIONS, is_password, plain_name

HIDDEN = "(hidden)"
SECRET_KINDS = frozenset({"Secret", "ConfigMap"})
_METADATA_KINDS = frozenset({"secret", "configmap", "partialobjectmetadata"})
_SHOWN_OF_SECRETS = frozenset({"apiVersion", "kind", "metadata", "type", "immutable"})
_SHOWN_OF_REFERENCES = _SHOWN_OF_SECRETS | {"name", "namespace", "uid", "group", "apiGroup", "key", "optional"}
"""Of a reference to one: it has no metadata."""
_MAX_ANNOTATION_LENGTH = 1024
_MAX_DEPTH = 100  # of an object; the schema of a CustomResourceDefinition reaches 40

# A whole object in a text, and a key
_EMBEDDED = re.compile(
    r"\bkind\\{0,8}[\"']?\s{0,8}[:=]\s{0,8}\\{0,8}[\"']?(?:Secret|ConfigMap)(?:List)?\b"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY"
)
_SHOWN_OF_VARIABLES = frozenset({"name", "valueFrom"})


def without_secrets(value: Any, tokens: Sequence[str] = ()) -> Any:
    """The same object, with values hidden that may be a password, whether they are texts, lists or maps.

    >>> without_secrets({"kind": "List", "items": [{"kind": "Secret", "data": {"password": "aHVudGVyMg=="}}]})
    {'kind': 'List', 'items': [{'kind': 'Secret', 'data': '(hidden)'}]}
    >>> without_secrets({"certificateRefs": [{"kind": "Secret", "name": "web-tls"}]})
    {'certificateRefs': [{'kind': 'Secret', 'name': 'web-tls'}]}
    >>> without_secrets({"env": {"PASSWORD": "x"}, "args": "--password=x"})
    {'env': {'PASSWORD': '(hidden)'}, 'args': '(hidden)'}

    Args:
        tokens: bearer tokens that the server got, and may repeat.
    """
    return _of_value(value, tokens, 0)


def _of_value(value: Any, tokens: Sequence[str], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return HIDDEN
    if isinstance(value, str):
        return HIDDEN if _EMBEDDED.search(value) else without_tokens(value, tokens)
    if isinstance(value, list):
        return [_of_value(inner, tokens, depth + 1) for inner in value]
    if not isinstance(value, dict):
        return value
    kind = str(value.get("kind")).lower().removesuffix("list")
    is_secret = kind in _METADATA_KINDS
    shown_names = _SHOWN_OF_SECRETS if "metadata" in value else _SHOWN_OF_REFERENCES
    found = {}
    for name, inner in value.items():
        shown = HIDDEN if is_secret and name not in shown_names else _of_member(name, inner, tokens, depth + 1)
        found[without_tokens(name, tokens)] = shown
    return found


def _of_member(name: str, value: Any, tokens: Sequence[str], depth: int) -> Any:
    """The value of a member of an object."""
    plain = plain_name(name)
    if name == "managedFields" or plain in DATA or (plain in OPTIONS and value):
        return HIDDEN
    if name == "terminated" and isinstance(value, dict) and "message" in value:  # a program wrote it
        value = {**value, "message": HIDDEN}
    if name == "clientConfig" and isinstance(value, dict) and isinstance(value.get("url"), str):
        value = {**value, "url": _without_path(value["url"])}
    if plain in COMMANDS:
        return [HIDDEN] if isinstance(value, list) else HIDDEN
    if plain in ENVIRONMENTS:
        return _of_environment(value, tokens, depth)
    if name == "annotations":
        return _of_annotations(value, tokens)
    if isinstance(value, str) and value and is_password(name):
        return HIDDEN
    return _of_value(value, tokens, depth)


def _without_path(url: str) -> str:
    """The address of a webhook, whose path and query may hold a token.

    >>> _without_path("https://user:x@hooks.example.com/T0/B1?key=x")
    'https://hooks.example.com/(hidden)'
    """
    found = re.match(r"(\w+://)(?:[^/?#@]*@)?([^/?#@]*)", url)
    return f"{found[1]}{found[2]}/{HIDDEN}" if found else HIDDEN


def _of_environment(value: Any, tokens: Sequence[str], depth: int) -> Any:
    """The names of variables without their values, and where they come from."""
    if isinstance(value, dict):
        return dict.fromkeys((without_tokens(name, tokens) for name in value), HIDDEN)
    if not isinstance(value, list):
        return HIDDEN
    return [
        {
            name: _of_value(inner, tokens, depth + 2) if name in _SHOWN_OF_VARIABLES else HIDDEN
            for name, inner in variable.items()
        }
        if isinstance(variable, dict)
        else HIDDEN
        for variable in value
    ]


def _of_annotations(value: Any, tokens: Sequence[str]) -> Any:
    """Annotations that do not carry a whole object, nor a command line."""
    if not isinstance(value, dict):
        return HIDDEN
    return {
        without_tokens(name, tokens): without_tokens(text, tokens) if _is_shown(name, text) else HIDDEN
        for name, text in value.items()
    }


def _is_shown(name: str, text: Any) -> bool:
    if not isinstance(text, str) or len(text) > _MAX_ANNOTATION_LENGTH or _EMBEDDED.search(text):
        return False
    if any(word in name for word in ("last-applied", "change-cause", "cattle.io/applied")):
        return False
    return not is_password(name)
