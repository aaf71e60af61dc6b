"""Asks the installed gcloud to parse commands and decode manifests. Needs no account and no network.

This file has two halves: functions for tests, and a program that runs in gcloud's own Python with its own modules.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ROOTS = (Path("/usr/lib/google-cloud-sdk"), Path("/usr/share/google-cloud-sdk"))


def root() -> Path | None:
    """The folder that gcloud is installed in."""
    command = shutil.which("gcloud")
    found = [Path(command).resolve().parent.parent] if command else []
    return next((folder for folder in (*found, *_ROOTS) if (folder / "lib/googlecloudsdk").is_dir()), None)


def refusals(commands: Sequence[tuple[Sequence[str], str]]) -> list[str | None]:
    """For each command line after `gcloud`, with its stdin: None, or gcloud's error if its parser rejects the line."""
    refused, said = _asked("parse", [[list(words), stdin] for words, stdin in commands])
    return [said if index in refused else None for index in range(len(commands))]


def decoded(api: str, message: str, body: Any) -> Any:
    """The body, decoded and encoded again by gcloud's own message class; fields that it does not know are `unknown`."""
    answer, _ = _asked("decode", [api, message, body])
    return answer


def _asked(what: str, request: Any) -> tuple[Any, str]:
    folder = root()
    assert folder is not None
    bundled = folder / "platform/bundledpythonunix/bin/python3"
    done = subprocess.run(
        [str(bundled) if bundled.exists() else sys.executable, __file__, str(folder), what],
        input=json.dumps(request),
        env={**os.environ, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def _parse(commands: list[tuple[list[str], str]]) -> list[int]:
    from googlecloudsdk import gcloud_main  # type: ignore[import-not-found]

    cli = gcloud_main.CreateCLI([])
    parser = next(value for name, value in vars(cli).items() if name.endswith("__parser"))
    refused = []
    for index, (words, stdin) in enumerate(commands):
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        try:
            parser.parse_args(words)
        except SystemExit:  # the reason is on stderr
            refused.append(index)
    return refused


def _decode(request: list[Any]) -> Any:
    from apitools.base.py import encoding  # type: ignore[import-not-found]
    from googlecloudsdk.api_lib.util import apis  # type: ignore[import-not-found]

    api, message, body = request
    name, _, version = api.partition(".")
    made = encoding.PyValueToMessage(getattr(apis.GetMessagesModule(name, version), message), body)
    unknown = [list(edge) for edge in encoding.UnrecognizedFieldIter(made)]
    return {"body": encoding.MessageToPyValue(made), "unknown": [str(edge) for edge in unknown]}


def _main() -> None:
    folder, what = sys.argv[1:]
    sys.path[:0] = [f"{folder}/lib", f"{folder}/lib/third_party"]
    import gcloud  # type: ignore[import-not-found]  # noqa: F401 (gcloud's own start-up, which completes sys.path)

    request, printed = json.load(sys.stdin), sys.stdout
    sys.stdout = io.StringIO()
    answer = {"parse": _parse, "decode": _decode}[what](request)
    json.dump(answer, printed)


if __name__ == "__main__":
    sys.path.pop(0)  # this file has the name of a module of gcloud
    _main()
