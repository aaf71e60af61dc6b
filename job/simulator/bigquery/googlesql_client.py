"""The client of the package `zetasql`, made faster: it caches the compiled module, and copies memory in one piece."""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def client(path: str) -> Any:
    """A client for the WebAssembly module at the path."""
    from wasmtime import Module
    from zetasql.core import wasm_client

    class Client(wasm_client.WasmClient):  # type: ignore[misc]
        def read_bytes(self, ptr: int, size: int) -> bytes:
            return ctypes.string_at(ctypes.addressof(self.memory.data_ptr().contents) + ptr, size)

        def write_bytes(self, ptr: int, data: bytes) -> None:
            ctypes.memmove(ctypes.addressof(self.memory.data_ptr().contents) + ptr, data, len(data))

    compiled = Module.from_file
    wasm_client.Module.from_file = staticmethod(lambda engine, file: _module(Module, compiled, engine, file))
    try:
        return Client(path)
    finally:
        wasm_client.Module.from_file = compiled


def _module(module: Any, compiled: Callable[[Any, str], Any], engine: Any, path: str) -> Any:
    """The compiled module, from a cache on disk: compiling takes 14 s and 1 GB, reading 0.05 s."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gke-inventory"
    versions = f"{version('zetasql')}-{version('wasmtime')}-{platform.machine()}"
    file = cache / f"googlesql-{versions}.compiled"
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (cache / "lock").open("w")
    except OSError:
        return compiled(engine, path)
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes wait, and read what the first one compiles
        try:
            return module.deserialize_file(engine, str(file))
        except Exception:  # noqa: BLE001 (missing, or for another processor: compile it)
            made = compiled(engine, path)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as new:
            new.write(made.serialize())
        Path(new.name).replace(file)
        return made
