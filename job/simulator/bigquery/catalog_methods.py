"""The API methods of projects, datasets, tables and rows."""

from __future__ import annotations

from job.simulator.bigquery import partitions, routines
from job.simulator.bigquery.calls import (
    Call,
    Handler,
    check_etag,
    merged,
    page_of_list,
    page_of_rows,
    removed_members,
)
from job.simulator.bigquery.errors import ApiError, invalid, not_implemented
from job.simulator.bigquery.queries import Queries
from job.simulator.bigquery.quotas import Quotas
from job.simulator.bigquery.results import Result
from job.simulator.bigquery.schema import Field
from job.simulator.bigquery.storage import Resource, Storage


class CatalogMethods:
    """https://cloud.google.com/bigquery/docs/reference/rest/v2/tables and its siblings."""

    def __init__(self, storage: Storage, queries: Queries, quotas: Quotas) -> None:
        self._storage, self._queries, self._quotas = storage, queries, quotas
        self.handlers: dict[str, Handler] = {
            "bigquery.projects.list": self._projects_list,
            "bigquery.datasets.list": self._datasets_list,
            "bigquery.datasets.insert": self._datasets_insert,
            "bigquery.datasets.get": self._datasets_get,
            "bigquery.datasets.patch": self._datasets_patch,
            "bigquery.datasets.update": self._datasets_patch,
            "bigquery.datasets.delete": self._datasets_delete,
            "bigquery.tables.list": self._tables_list,
            "bigquery.tables.insert": self._tables_insert,
            "bigquery.tables.get": self._tables_get,
            "bigquery.tables.patch": self._tables_patch,
            "bigquery.tables.update": self._tables_patch,
            "bigquery.tables.delete": self._tables_delete,
            "bigquery.tabledata.list": self._tabledata_list,
            "bigquery.routines.list": self._routines_list,
            "bigquery.routines.insert": self._routines_insert,
            "bigquery.routines.get": self._routines_get,
            "bigquery.routines.update": self._routines_update,
            "bigquery.routines.delete": self._routines_delete,
        }

    # projects and datasets

    async def _projects_list(self, call: Call) -> Resource:
        names = sorted({name.rpartition(":")[0] for name in self._storage.datasets})
        projects = [
            {
                "kind": "bigquery#project",
                "id": name,
                "numericId": "1",
                "projectReference": {"projectId": name},
                "friendlyName": name,
            }
            for name in names
        ]
        return {
            "kind": "bigquery#projectList",
            "totalItems": len(projects),
            **page_of_list("projects", projects, call),
        }

    async def _datasets_list(self, call: Call) -> Resource:
        keys = ("kind", "id", "datasetReference", "location", "labels", "friendlyName", "type")
        found = [
            {key: dataset[key] for key in keys if key in dataset}
            for name, dataset in sorted(self._storage.datasets.items())
            if name.startswith(f"{call.names['projectId']}:")
        ]
        return {"kind": "bigquery#datasetList", **page_of_list("datasets", found, call)}

    async def _datasets_insert(self, call: Call) -> Resource:
        if not call.body.get("datasetReference", {}).get("datasetId"):
            raise invalid("Required parameter is missing: datasetReference.datasetId")
        with self._storage.lock:
            return self._storage.create_dataset(call.names["projectId"], call.body)

    async def _datasets_get(self, call: Call) -> Resource:
        return self._dataset(call)

    async def _datasets_patch(self, call: Call) -> Resource:
        with self._storage.lock:
            found = check_etag(call, self._dataset(call))
            body = merged(call, found)
            return self._storage.update_dataset(found, body, removed_members(call, found))

    async def _datasets_delete(self, call: Call) -> None:
        with self._storage.lock, self._storage.transaction():
            contents = call.query.get("deleteContents") == "true"
            self._storage.delete_dataset(self._dataset(call), contents=contents)

    def _dataset(self, call: Call) -> Resource:
        return self._storage.dataset(call.names["projectId"], call.names["datasetId"])

    # tables

    async def _tables_list(self, call: Call) -> Resource:
        dataset = self._dataset(call)
        keys = (
            "kind", "id", "tableReference", "type", "labels", "friendlyName", "timePartitioning", "clustering",
            "creationTime", "expirationTime", "requirePartitionFilter",
        )  # fmt: skip
        with self._storage.lock, self._storage.transaction():
            self._storage.expire()
            found = [
                {key: table[key] for key in keys if key in table}
                | ({"view": {"useLegacySql": False}} if table["type"] == "VIEW" else {})
                for name, table in sorted(self._storage.tables.items())
                if name.startswith(f"{dataset['id']}.")
            ]
        return {"kind": "bigquery#tableList", "totalItems": len(found), **page_of_list("tables", found, call)}

    async def _tables_insert(self, call: Call) -> Resource:
        names, body = call.names, call.body
        if not body.get("tableReference", {}).get("tableId"):
            raise invalid("Required parameter is missing: tableReference.tableId")
        for key in ("externalDataConfiguration", "materializedView", "cloneDefinition", "snapshotDefinition"):
            if key in body:
                raise not_implemented(f"tables with {key}")
        with self._storage.lock:
            view = self._view_fields(call)
            with self._storage.transaction():
                table = self._storage.create_table(names["projectId"], names["datasetId"], body, view_fields=view)
                self._count_update(table)
                return self._storage.described(table)

    async def _tables_get(self, call: Call) -> Resource:
        with self._storage.lock, self._storage.transaction():
            self._storage.expire()
            return self._storage.described(self._table(call))

    async def _tables_patch(self, call: Call) -> Resource:
        with self._storage.lock:
            view = self._view_fields(call)
            found = check_etag(call, self._table(call))
            self._count_update(found)
            body = merged(call, found)
            with self._storage.transaction():
                table = self._storage.update_table(found, body, removed_members(call, found), view_fields=view)
                return self._storage.described(table)

    async def _tables_delete(self, call: Call) -> None:
        with self._storage.lock, self._storage.transaction():
            self._storage.delete_table(self._table(call))

    async def _tabledata_list(self, call: Call) -> Resource:
        with self._storage.lock, self._storage.transaction():
            self._storage.expire()
            found = self._table(call)
            if found["type"] != "TABLE":
                raise invalid(f"Cannot list a table of type {found['type']}.")
            fields = _selected(found["schema"]["fields"], call.query.get("selectedFields"))
            rows = self._storage.duckdb.rows(found["id"], [field["name"] for field in fields])
        page = page_of_rows(Result(fields, rows if fields else []), call)
        return {"kind": "bigquery#tableDataList", "etag": found["etag"], **page}

    # routines

    async def _routines_list(self, call: Call) -> Resource:
        dataset = self._dataset(call)
        keys = ("etag", "routineReference", "routineType", "creationTime", "lastModifiedTime", "language")
        found = [
            {key: routine[key] for key in keys if key in routine}
            for name, routine in sorted(self._storage.routines.items())
            if name.startswith(f"{dataset['id']}.")
        ]
        return page_of_list("routines", found, call)

    async def _routines_insert(self, call: Call) -> Resource:
        names, reference = call.names, call.body.get("routineReference", {})
        if not reference.get("routineId"):
            raise invalid("Required parameter is missing: routineReference.routineId")
        with self._storage.lock:
            name = f"{names['projectId']}:{names['datasetId']}.{reference['routineId']}"
            if name in self._storage.routines:
                raise ApiError(409, "duplicate", f"Already Exists: Routine {name}", location=name)
            return self._put_routine(call)

    async def _routines_get(self, call: Call) -> Resource:
        return self._storage.routine(call.names["projectId"], call.names["datasetId"], call.names["routineId"])

    async def _routines_update(self, call: Call) -> Resource:
        with self._storage.lock:
            check_etag(call, await self._routines_get(call))
            return self._put_routine(call)

    async def _routines_delete(self, call: Call) -> None:
        with self._storage.lock:
            found = check_etag(call, await self._routines_get(call))["routineReference"]
            del self._storage.routines[f"{found['projectId']}:{found['datasetId']}.{found['routineId']}"]

    def _put_routine(self, call: Call) -> Resource:
        routines.check(call.body)
        location = self._dataset(call)["location"]
        self._queries.check_function(call.body, call.names["projectId"], location)
        return self._storage.put_routine(call.names["projectId"], call.names["datasetId"], call.body)

    def _table(self, call: Call) -> Resource:
        names = call.names
        table, partition = partitions.split_decorator(names["tableId"])
        if partition is not None:
            raise not_implemented("reading a partition by its decorator")
        return self._storage.table(names["projectId"], names["datasetId"], table)

    def _view_fields(self, call: Call) -> list[Field] | None:
        """The columns of the view in the body; None if the body has no view."""
        if "view" not in call.body:
            return None
        if call.body["view"].get("useLegacySql", True):
            raise not_implemented("legacy SQL")
        if not call.body["view"].get("query"):
            raise invalid("Required parameter is missing: view.query")
        location = self._dataset(call)["location"]
        return self._queries.view_fields(call.body["view"]["query"], call.names["projectId"], location)

    def _count_update(self, table: Resource) -> None:
        self._quotas.count_metadata_update(table["id"], partitioned="timePartitioning" in table)


def _selected(fields: list[Field], names: str | None) -> list[Field]:
    if names is None:
        return fields
    requested = [name.strip().lower() for name in names.split(",")]
    existing = {field["name"].lower() for field in fields}
    if unknown := [name for name in requested if name not in existing]:
        raise invalid(f"No such field: {unknown[0]}")
    return [field for field in fields if field["name"].lower() in requested]
