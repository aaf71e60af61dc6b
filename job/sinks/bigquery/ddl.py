"""GoogleSQL's DDL for what is declared, for people to read and to run.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from job.config import BigQuery
from job.schema import PARTITIONED_BY, Column, columns
from job.tables import TABLES
from job.views import View, for_bigquery


def create_dataset(name: str, location: str | None, description: str, labels: Mapping[str, str]) -> str:
    """CREATE SCHEMA."""
    told: dict[str, object] = {"description": description}
    if labels:
        told["labels"] = list(labels.items())
    if location:
        told["location"] = location
    return f"CREATE SCHEMA `{name}` {_options(told)};"


def create_table(table: str, dataset: str, options: BigQuery, *, like: str | None = None) -> str:
    """CREATE TABLE, partitioned, clustered and described.

    Args:
        like: the table whose columns it has, where its name is another.
    """
    record = TABLES[like or table]
    named = ",\n  ".join(f"{column.name} {_type(column)}" for column in columns(like or table))
    told: dict[str, object] = {"description": record.description}
    if options.partition_expiration_days:
        told["partition_expiration_days"] = options.partition_expiration_days
    if options.require_partition_filter:
        told["require_partition_filter"] = True
    if options.labels:
        told["labels"] = list(options.labels.items())
    return (
        f"CREATE TABLE `{dataset}.{table}` (\n  {named}\n)\nPARTITION BY TIMESTAMP_TRUNC({PARTITIONED_BY}, DAY)\n"
        f"CLUSTER BY {', '.join(record.clustering)}\n{_options(told)};"
    )


def create_view(view: View, dataset: str, bounds: Mapping[str, str]) -> str:
    """CREATE OR REPLACE VIEW. SQL describes columns alone; the API also describes the fields of records in them."""
    described = ",\n  ".join(
        f"{column.name} {_options({'description': column.description})}" for column in view.columns
    )
    options = _options({"description": view.description})
    return (
        f"CREATE OR REPLACE VIEW `{dataset}.{view.name}` (\n  {described}\n)\n{options} AS\n"
        f"{for_bigquery(view, dataset, bounds)};"
    )


def add_column(full_name: str, path: str, column: Column) -> str:
    """ALTER TABLE ... ADD COLUMN; SQL cannot add a field within a record, the API can."""
    if path.count(".") > 1:
        return f"-- bq update: {full_name}: add the field {path} {_type(column)}"
    return f"ALTER TABLE `{full_name}` ADD COLUMN {column.name} {_type(column, later=True)};"


def change_type(full_name: str, path: str, column: Column) -> str:
    """What a person would have to run; the values that are there are lost, unless they are copied before."""
    if path.count(".") > 1:
        return f"-- make {full_name} anew by hand: the field {path} has to become {_type(column)}"
    aside = f"ALTER TABLE `{full_name}` RENAME COLUMN {column.name} TO {column.name}_before;"
    return f"{aside} ALTER TABLE `{full_name}` ADD COLUMN {column.name} {_type(column, later=True)};"


def relax(full_name: str, path: str) -> str:
    """ALTER COLUMN ... DROP NOT NULL."""
    return f"ALTER TABLE `{full_name}` ALTER COLUMN {_column(path)} DROP NOT NULL;"


def require(full_name: str, path: str) -> str:
    """What SQL cannot do to a table that is there."""
    return (
        f"-- make {full_name} anew by hand, as `gke-inventory schema show` has it: {_column(path)} has to be NOT NULL"
    )


def describe_column(full_name: str, path: str, description: str) -> str:
    """ALTER COLUMN ... SET OPTIONS (description)."""
    return f"ALTER TABLE `{full_name}` ALTER COLUMN {_column(path)} SET {_options({'description': description})};"


def set_options(table: str, dataset: str, **options: object) -> str:
    """ALTER TABLE ... SET OPTIONS."""
    return f"ALTER TABLE `{dataset}.{table}` SET {_options(options)};"


def cluster(table: str, dataset: str, fields: Sequence[str]) -> str:
    """Clustering is changed by the API or by `bq`, not by SQL; rows that are there are clustered in time."""
    return f"-- bq update --clustering_fields={','.join(fields)} {dataset}.{table}"


def _column(path: str) -> str:
    return path.partition(".")[2]


def _type(column: Column, *, later: bool = False) -> str:
    if column.type == "STRUCT":
        inner = ", ".join(f"{field.name} {_type(field)}" for field in column.fields)
        kind = f"STRUCT<{inner}>"
    else:
        kind = column.type
    if column.mode == "REPEATED":
        kind = f"ARRAY<{kind}>"
    required = " NOT NULL" if column.declared_mode == "REQUIRED" and not later else ""
    return f"{kind}{required} {_options({'description': column.description})}"


def _options(options: Mapping[str, object]) -> str:
    return f"OPTIONS ({', '.join(f'{name} = {_literal(value)}' for name, value in options.items())})"


def _literal(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_literal(inner) for inner in value)}]"
    if isinstance(value, tuple):
        return f"({', '.join(_literal(inner) for inner in value)})"
    return "NULL" if value is None else json.dumps(value, ensure_ascii=False)
