"""Published schemas of JSON objects in one form, whatever their source, and the fields of structs that they lack.

Kubernetes: the models of the official client. GKE: the message descriptors of the official client. Custom resources:
the `openAPIV3Schema` of their definition, as a file in `schemas/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from google.cloud import container_v1
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from kubernetes import client
from msgspec import inspect
from pydantic import BaseModel

from job.kinds import Kind

SCHEMAS = Path(__file__).parent / "schemas"


class Shape(NamedTuple):
    """What a published schema says of a value."""

    kind: Literal["object", "list", "map", "scalar", "any"]
    name: str = ""
    """Of an object's type."""
    fields: Callable[[], Mapping[str, Shape]] = dict
    """Of an object: JSON name -> shape."""
    inner: Shape | None = None
    """Of a list's items, or a map's values."""
    types: frozenset[str] = frozenset()
    """Of a scalar, in JSON schema's words."""

    def __str__(self) -> str:
        return " or ".join(sorted(self.types)) or self.name or f"a {self.kind}"


def problems(declared: inspect.Type, published: Shape, path: str) -> Iterator[str]:  # noqa: C901 (one case a form)
    """Everything that the declared type reads and the published schema does not have, nested types included."""
    match declared, published:
        case (inspect.AnyType() | inspect.RawType(), _) | (_, Shape(kind="any")):
            return
        case inspect.UnionType(types=arms), _:
            found = [list(problems(arm, published, path)) for arm in arms if not isinstance(arm, inspect.NoneType)]
            yield from min(found, key=len)
        case inspect.StructType(fields=fields), Shape(kind="map", inner=Shape() as inner):
            for field in fields:  # the values of some keys
                yield from problems(field.type, inner, f"{path}.{field.encode_name}")
        case inspect.StructType(fields=fields), Shape(kind="object"):
            known = published.fields()
            for field in fields:
                name = field.encode_name
                if name in known:
                    yield from problems(field.type, known[name], f"{path}.{name}")
                else:
                    lower = {each.lower(): each for each in known}
                    close = get_close_matches(name.lower(), lower, 1)
                    hint = f": {lower[close[0]]} is" if close else ""
                    yield f"{path}.{name} is not a field of {published.name}{hint}"
        case (
            inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item),
            Shape(kind="list", inner=Shape() as inner),
        ):
            yield from problems(item, inner, f"{path}[]")
        case inspect.DictType(value_type=value), Shape(kind="map", inner=Shape() as inner):
            yield from problems(value, inner, f"{path}{{}}")
        case _, Shape(kind="scalar", types=types) if _SCALARS.get(type(declared), frozenset()) & types:
            return
        case _:
            yield f"{path} is {published}, not {type(declared).__name__}"


_SCALARS = {
    inspect.StrType: frozenset({"string"}),
    inspect.DateTimeType: frozenset({"string"}),
    inspect.IntType: frozenset({"integer"}),
    inspect.FloatType: frozenset({"number"}),
    inspect.BoolType: frozenset({"boolean"}),
}


def list_of(kind: Kind, schemas: Path = SCHEMAS) -> Shape:
    """The published schema of a kind's list.

    A custom resource's is in a file: `argoproj.io_v1alpha1_Rollout.json`.
    """
    file = schemas / f"{kind.api_version.replace('/', '_')}_{kind.name}.json"
    if file.exists():
        item = of_json_schema(json.loads(file.read_text()), kind.name)
        of_list = of_model(client.V1NamespaceList).fields()
        return Shape("object", f"{kind.name}List", lambda: {**of_list, "items": Shape("list", inner=item)})
    group, _, version = kind.api_version.rpartition("/")
    name = f"{version.capitalize()}{kind.name}List"
    model = model_named(name, f"Core{name}" if not group else name)
    if model is None or ("." in group and not group.endswith(".k8s.io")):
        raise LookupError(
            f"the official client has no model of {kind.api_version} {kind.name}: "
            f"save the openAPIV3Schema of its definition as tests/kinds/schemas/{file.name}"
        )
    return of_model(model)


def model_named(*names: str) -> type[BaseModel] | None:
    """The first of the client's models that has one of the names."""
    return next((getattr(client, name) for name in names if hasattr(client, name)), None)


@cache
def of_model(model: type[BaseModel]) -> Shape:
    """A model of the official Kubernetes client."""
    fields = model.model_fields.items()
    return Shape(
        "object",
        model.__name__,
        lambda: {field.serialization_alias or name: _of_hint(field.annotation) for name, field in fields},
    )


def _of_hint(hint: Any) -> Shape:
    if get_origin(hint) is Annotated:
        return _of_hint(get_args(hint)[0])
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return of_model(hint)
    if hint in _PYTHON:
        return Shape("scalar", types=frozenset({_PYTHON[hint]}))
    if get_origin(hint) is list:
        return Shape("list", inner=_of_hint(get_args(hint)[0]))
    if get_origin(hint) is dict:
        return Shape("map", inner=_of_hint(get_args(hint)[1]))
    arms = [_of_hint(arm) for arm in get_args(hint) if arm is not NoneType]
    if arms and all(arm.kind == "scalar" for arm in arms):
        return Shape("scalar", types=frozenset().union(*(arm.types for arm in arms)))
    return arms[0] if len(arms) == 1 else Shape("any")


_PYTHON = {str: "string", datetime: "string", int: "integer", float: "number", bool: "boolean"}


def of_cluster() -> Shape:
    """A cluster of the GKE API."""
    return of_gke(container_v1.Cluster)


def of_gke(message: Any) -> Shape:
    """A message of the GKE API, by the client's class."""
    return _of_message(message.pb(message()).DESCRIPTOR)


def _of_message(message: Descriptor) -> Shape:
    return Shape("object", message.name, lambda: {field.json_name: _of_field(field) for field in message.fields})


def _of_field(field: FieldDescriptor) -> Shape:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        return Shape("map", inner=_of_field(message.fields_by_name["value"]))
    if message is not None and message.full_name in _TEXTS:
        one = Shape("scalar", types=frozenset({"string"}))
    else:
        is_scalar = message is None
        one = Shape("scalar", types=frozenset({_PROTO[field.cpp_type]})) if is_scalar else _of_message(message)
    return Shape("list", inner=one) if field.is_repeated else one


_TEXTS = ("google.protobuf.Timestamp", "google.protobuf.Duration")
"""Messages that are texts in JSON."""
_PROTO = {
    FieldDescriptor.CPPTYPE_STRING: "string", FieldDescriptor.CPPTYPE_ENUM: "string",
    FieldDescriptor.CPPTYPE_INT32: "integer", FieldDescriptor.CPPTYPE_INT64: "integer",
    FieldDescriptor.CPPTYPE_UINT32: "integer", FieldDescriptor.CPPTYPE_UINT64: "integer",
    FieldDescriptor.CPPTYPE_DOUBLE: "number", FieldDescriptor.CPPTYPE_FLOAT: "number",
    FieldDescriptor.CPPTYPE_BOOL: "boolean",
}  # fmt: skip


def of_json_schema(schema: Mapping[str, Any], name: str) -> Shape:
    """An object of a CustomResourceDefinition; its metadata is that of all objects."""
    fields = _of_json(schema, name).fields()
    return Shape("object", name, lambda: {**fields, "metadata": of_model(client.V1ObjectMeta)})


def _of_json(schema: Mapping[str, Any], name: str) -> Shape:
    if schema.get("x-kubernetes-int-or-string"):
        return Shape("scalar", types=frozenset({"integer", "string"}))
    if "properties" in schema:
        fields = schema["properties"]
        return Shape("object", name, lambda: {each: _of_json(fields[each], f"{name}.{each}") for each in fields})
    if isinstance(schema.get("additionalProperties"), dict):
        return Shape("map", inner=_of_json(schema["additionalProperties"], name))
    if "items" in schema:
        return Shape("list", inner=_of_json(schema["items"], name))
    if schema.get("type") in ("object", None):
        return Shape("any", name)
    return Shape("scalar", types=frozenset({schema["type"]}))
