"""The declared tables and views as GoogleSQL's DDL, for people to read and to run.

https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from job.config import BigQuery
from job.schema import PARTITIONED_BY, Column, columns, raw_description
from job.sinks.bigquery.marks import FUNCTION_MARK, MADE
from job.sinks.bigquery.partitions import expiration_days, unit
from job.tables import TABLES, raw
from job.views import Bounds, Function, View, for_bigquery, function_for_bigquery
from job.views.recent import RECENT, Recent, description_of, query_for_bigquery


def create_dataset(name: str, location: str | None, description: str, options: BigQuery) -> str:
    """CREATE SCHEMA."""
    properties: dict[str, object] = {"description": description, "labels": _labels(options)}
    if location:
        properties["location"] = location
    properties["storage_billing_model"] = options.storage_billing_model.upper()
    return f"CREATE SCHEMA `{name}` {_options(properties)};"


def bill_storage(name: str, options: BigQuery) -> str:
    """ALTER SCHEMA ... SET OPTIONS (storage_billing_model), which a person has to run."""
    billed = _options({"storage_billing_model": options.storage_billing_model.upper()})
    return (
        "-- not applied: BigQuery allows a change every 14 days, and only to owners of the dataset (or set "
        f"bigquery.storage_billing_model)\nALTER SCHEMA `{name}` SET {billed};"
    )


def create_table(table: str, dataset: str, options: BigQuery, *, name: str | None = None) -> str:
    """CREATE TABLE, with partitions, clustering and descriptions.

    Args:
        name: of the table, if it is to be another than its own.
    """
    record = TABLES[table]
    declared = ",\n  ".join(
        (*(f"{column.name} {_type(column)}" for column in columns(table)), *_primary_key(record.primary_key))
    )
    properties: dict[str, object] = {"description": raw_description(table)}
    if days := expiration_days(table, options):
        properties["partition_expiration_days"] = days
    if options.require_partition_filter:
        properties["require_partition_filter"] = True
    properties["labels"] = _labels(options)
    return (
        f"CREATE TABLE `{dataset}.{name or raw(table)}` (\n  {declared}\n)\n"
        f"PARTITION BY TIMESTAMP_TRUNC({PARTITIONED_BY}, {unit(table, options)})\n"
        f"CLUSTER BY {', '.join(record.clustering)}\n{_options(properties)};"
    )


def create_view(view: View, dataset: str, bounds: Bounds, options: BigQuery | None = None) -> str:
    """CREATE OR REPLACE VIEW. SQL describes columns alone; the API also describes the fields of records in them."""
    described = ",\n  ".join(
        f"{column.name} {_options({'description': column.description})}" for column in view.columns
    )
    properties = _options({"description": view.description, "labels": _labels(options or BigQuery())})
    return (
        f"CREATE OR REPLACE VIEW `{dataset}.{view.name}` (\n  {described}\n)\n{properties} AS\n"
        f"{for_bigquery(view, dataset, bounds)};"
    )


def create_recent_view(name: str, dataset: str, recent: Recent, options: BigQuery) -> str:
    """CREATE OR REPLACE VIEW, of the recent rows of a table."""
    described = ",\n  ".join(
        f"{column.name} {_options({'description': column.description})}" for column in columns(RECENT[name])
    )
    properties = _options({"description": description_of(name), "labels": _labels(options)})
    return (
        f"CREATE OR REPLACE VIEW `{dataset}.{name}` (\n  {described}\n)\n{properties} AS\n"
        f"{query_for_bigquery(name, dataset, recent)};"
    )


def create_function(function: Function, dataset: str, bounds: Bounds) -> str:
    """CREATE OR REPLACE TABLE FUNCTION."""
    parameters = ", ".join(f"{name} {function.parameter_type}" for name in function.parameters)
    return (
        f"CREATE OR REPLACE TABLE FUNCTION `{dataset}.{function.name}` ({parameters})\n"
        f"{_options({'description': f'{function.description} {FUNCTION_MARK}'})} AS (\n"
        f"{function_for_bigquery(function, dataset, bounds)}\n);"
    )


def add_column(full_name: str, path: str, column: Column) -> str:
    """ALTER TABLE ... ADD COLUMN. Only the API can add a field to a record."""
    if path.count(".") > 1:
        return f"-- bq update: {full_name}: add the field {path} {_type(column)}"
    return f"ALTER TABLE `{full_name}` ADD COLUMN {column.name} {_type(column, later=True)};"


def change_type(full_name: str, path: str, column: Column) -> str:
    """The statements that a person would have to run. The new column is empty until they copy the old values."""
    if path.count(".") > 1:
        return f"-- create {full_name} again by hand: the field {path} has to become {_type(column)}"
    aside = f"ALTER TABLE `{full_name}` RENAME COLUMN {column.name} TO {column.name}_before;"
    return f"{aside} ALTER TABLE `{full_name}` ADD COLUMN {column.name} {_type(column, later=True)};"


def relax(full_name: str, path: str) -> str:
    """ALTER COLUMN ... DROP NOT NULL."""
    return f"ALTER TABLE `{full_name}` ALTER COLUMN {_column(path)} DROP NOT NULL;"


def require(full_name: str, path: str) -> str:
    """A comment: SQL cannot add NOT NULL to a column of an existing table."""
    return f"-- create {full_name} again by hand, as in `gke-inventory schema show`: {_column(path)} has to be NOT NULL"


def describe_column(full_name: str, path: str, description: str) -> str:
    """ALTER COLUMN ... SET OPTIONS (description)."""
    return f"ALTER TABLE `{full_name}` ALTER COLUMN {_column(path)} SET {_options({'description': description})};"


def set_options(table: str, dataset: str, **options: object) -> str:
    """ALTER TABLE ... SET OPTIONS."""
    return f"ALTER TABLE `{dataset}.{table}` SET {_options(options)};"


def cluster(table: str, dataset: str, fields: Sequence[str]) -> str:
    """A `bq` command: SQL cannot change the clustering. BigQuery clusters existing rows over time."""
    return f"-- bq update --clustering_fields={','.join(fields)} {dataset}.{table}"


def set_primary_key(table: str, dataset: str, key: Sequence[str]) -> str:
    """ALTER TABLE ... ADD PRIMARY KEY, in place of any other."""
    alter = f"ALTER TABLE `{dataset}.{table}`"
    return f"{alter} DROP PRIMARY KEY IF EXISTS; {alter} ADD {_primary_key(key)[0]};"


def _primary_key(key: Sequence[str]) -> list[str]:
    return [f"PRIMARY KEY ({', '.join(key)}) NOT ENFORCED"] if key else []


def _labels(options: BigQuery) -> list[tuple[str, str]]:
    return list({**options.labels, **MADE}.items())


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
