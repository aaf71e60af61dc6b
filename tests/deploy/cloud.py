"""A small imitation of Google Cloud, behind programs named gcloud, bq, curl, kubectl and terraform.

It remembers what exists. What was just created or granted is unknown for the next tries, as it is for minutes in
reality: the tries are counted, so that no test waits for a clock.
"""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

TOKEN = "ya29.canary"
ROOT = Path(__file__).parents[2]
_PROGRAMS = ("gcloud", "bq", "curl", "kubectl", "terraform")
_UNKNOWN_TRIES = 2

# bash alone, since a process of Python costs ten times as much
_CLIENT = """\
#!/bin/bash
stdin= variables=
for word in "$@"; do case $word in - | *=-) IFS= read -r -d '' stdin || true ;; esac; done
[ "${{0##*/}}" != terraform ] || variables=$(env | grep ^TF_VAR_)
case "${{0##*/}} $* ${{CLOUDSDK_CORE_DISABLE_PROMPTS:+--quiet}} " in # a prompt takes the next line
  terraform*\\ -auto-approve\\ * | gcloud*\\ --quiet\\ * | bq*\\ -f\\ *) ;;
  terraform*\\ apply\\ * | gcloud*\\ delete\\ * | bq*\\ rm\\ *) IFS= read -r _ ;;
esac
exec 3<> /dev/tcp/127.0.0.1/{port}
printf '%s\\0' $(($# + 3)) "${{0##*/}}" "$stdin" "$variables" "$@" >&3
for field in code out err; do IFS= read -r -d '' $field <&3; done
printf '%s' "$out"
printf '%s' "$err" >&2
exit "$code"
"""

_API = {
    "artifacts": "artifactregistry",
    "iam": "iam",
    "storage": "storage",
    "builds": "cloudbuild",
    "run": "run",
    "scheduler": "cloudscheduler",
    "logging": "logging",
    "alpha": "monitoring",
}
"""The API of the commands that begin with this word."""


class Command(NamedTuple):
    program: str
    stdin: str
    variables: dict[str, str]
    """Terraform's, from the environment."""
    words: list[str]

    @property
    def verb(self) -> str:
        """The words before the first flag."""
        first = next((index for index, word in enumerate(self.words) if word.startswith("-")), len(self.words))
        return " ".join(self.words[:first])

    def flag(self, name: str) -> str:
        (found,) = (word.partition("=")[2] for word in self.words if word.startswith(f"--{name}="))
        return found


class RefusedError(Exception):
    """The error that a command ends with."""


class Cloud:
    """What exists, and what was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[Command] = []
        self.worked: list[Command] = []
        """Those of the commands that ended with exit code 0."""
        self.created: list[str] = []
        self.things: dict[str, int] = {}
        """By name, as a command's words: how many more tries find it unknown."""
        self.deleted_roles: set[str] = set()
        self.missing_rights: set[str] = set()
        self.loses_answers = False
        """Each creation is carried out, and then answered by an error."""
        self.refuses = ""
        """The commands that contain this are refused."""
        self.forbidden_rows = 0
        self._lock = threading.Lock()

    def bash(self, script: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs lines of bash as if they were pasted: they come from stdin."""
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder), "PAUSE_SECONDS": "0"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail"], input=script, cwd=ROOT, env=environment | variables, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done

    def answer(self, command: Command) -> tuple[int, str, str]:
        """The exit code, stdout and stderr of a command."""
        with self._lock:
            self.commands.append(command)
            if self.refuses and self.refuses in " ".join(command.words):
                return 1, "", "ERROR: PERMISSION_DENIED: The caller does not have permission\n"
            try:
                reply = {"gcloud": self._gcloud, "bq": self._bq, "curl": self._curl}.get(command.program, _nothing)
                text = reply(command)
            except RefusedError as error:
                if command.program == "bq":  # which prints errors on stdout
                    return 1, f"BigQuery error: {error}\n", ""
                return 1, "", f"ERROR: {error}\n"
            self.worked.append(command)
            return 0, text, ""

    def names(self) -> set[str]:
        return set(self.things)

    def _create(self, thing: str, *, unknown_tries: int = 0) -> None:
        if thing in self.things:
            raise RefusedError(f"ALREADY_EXISTS: {thing} already exists")
        self.things[thing] = unknown_tries
        self.created.append(thing)
        if self.loses_answers:
            raise RefusedError("INTERNAL: the answer was lost")

    def _need(self, thing: str, text: str = "NOT_FOUND: {} was not found") -> None:
        if self.things.get(thing) == 0:
            return
        if thing in self.things:
            self.things[thing] -= 1
        raise RefusedError(text.format(thing))

    def _need_api(self, api: str, project: str) -> None:
        self._need(f"api {api} {project}", "{} has not been used in project before or it is disabled")

    def _delete(self, thing: str) -> None:
        if thing not in self.things:
            raise RefusedError(f"NOT_FOUND: {thing} was not found")
        for name in [name for name in self.things if name == thing or name.endswith(f" on {thing}")]:
            del self.things[name]

    def _grant(self, target: str, member: str, role: str) -> None:
        self._need(_account(member), "INVALID_ARGUMENT: Service account {} does not exist.")
        if role.startswith("projects/"):
            self._need(f"iam roles {role.rpartition('/')[2]} {role.split('/')[1]}")
        binding = f"grant of {role} to {_account(member)} on {target}"
        if binding not in self.things:  # granting twice is no error
            self._create(binding, unknown_tries=_UNKNOWN_TRIES)

    def _gcloud(self, command: Command) -> str:
        verb, words = command.verb, command.words
        fixed = {
            "version": "2025.06.20\n",
            "auth list": "ann@example.com\n",
            "auth print-access-token": f"{TOKEN}\n",
            "container clusters list": "web\teurope-west1\nbatch\teurope-west4-a\n",
        }
        if verb in fixed:
            return fixed[verb]
        if (words[0] in ("container", "projects") and "binding" not in verb) or verb.startswith("logging read"):
            return ""
        if verb.startswith("services enable"):
            for api in words[2:-1]:
                name = f"api {api.removesuffix('.googleapis.com')} {command.flag('project')}"
                self.things.setdefault(name, _UNKNOWN_TRIES)
            return ""
        if words[0] in _API:
            self._need_api(_API[words[0]], command.flag("project"))
        if verb.startswith("artifacts docker images list"):
            return "".join(f"{name}\n" for name in self.things if name.startswith(f"image {command.words[4]}/"))
        for name, method in (
            ("iam-policy-binding", self._binding), ("iam roles", self._role), ("builds submit", self._build),
            ("run jobs execute", self._execute), ("alpha monitoring policies", self._policy),
        ):  # fmt: skip
            if name in verb:
                return method(command)
        return self._resource(command)

    def _resource(self, command: Command) -> str:
        """A command `GROUP ACTION NAME`, such as `logging metrics create m`."""
        match = re.fullmatch(r"(.+?) (create|update|delete|describe|replace|rm)(?: http)?(?: (\S+))?", command.verb)
        assert match is not None, command
        group, action, name = match.groups()
        if action == "rm":  # storage rm --recursive gs://BUCKET
            group, name = "storage buckets", command.words[-2]
        if action == "replace":
            (name,) = re.findall(r"^  name: (.+)$", command.stdin, re.MULTILINE)
            (email,) = re.findall(r"serviceAccountName: (\S+)", command.stdin)
            self._need(_account(email), "Permission 'iam.serviceaccounts.actAs' denied on {} (or it may not exist)")
            if f"{group} {name}" in self.things:
                return ""
        for email in (word.partition("=")[2] for word in command.words if word.startswith("--oauth-service-account")):
            self._need(_account(email))
        thing = f"{group} {(name or '').partition('@')[0]}"
        if action in ("create", "replace"):
            slow = group in ("iam service-accounts", "logging metrics")
            self._create(thing, unknown_tries=_UNKNOWN_TRIES if slow else 0)
        elif action in ("delete", "rm"):
            self._delete(thing)
        elif group == "artifacts docker images":
            self._need(f"image {name} on artifacts repositories {name.split('/')[2]}")
        else:
            self._need(thing)
        return ""

    def _binding(self, command: Command) -> str:
        group, action, target = re.fullmatch(r"(.*?) ?(add|remove)-iam-policy-binding (\S+)", command.verb).groups()  # type: ignore[union-attr]
        thing = f"{group} {target}"
        if group != "projects":
            self._need(thing)
        if action == "add":
            self._grant(thing, command.flag("member"), command.flag("role"))
        else:
            binding = f"grant of {command.flag('role')} to {_account(command.flag('member'))} on {thing}"
            if self.things.pop(binding, None) is None:
                raise RefusedError("Policy bindings with the specified principal, role, and condition not found!")
        return ""

    def _role(self, command: Command) -> str:
        action, name = command.words[2:4]
        thing = f"iam roles {name} {command.flag('project')}"
        is_deleted = thing in self.deleted_roles
        if action == "describe" and is_deleted:
            return "True\n"
        if action == "create" and is_deleted:
            raise RefusedError("FAILED_PRECONDITION: there is an existing role with that role_id in a deleted state.")
        if action == "undelete":
            assert is_deleted
            self.deleted_roles.remove(thing)
        if action in ("create", "undelete"):
            self._create(thing, unknown_tries=_UNKNOWN_TRIES)
        elif action == "delete":
            self._delete(thing)
            self.deleted_roles.add(thing)
        else:
            self._need(thing)
        return ""

    def _build(self, command: Command) -> str:
        image = command.flag("substitutions").split(",")[0].partition("=")[2]
        repository = f"artifacts repositories {image.split('/')[2]}"
        bucket = command.flag("gcs-source-staging-dir").removesuffix("/source")
        email = command.flag("service-account").rpartition("/")[2]
        reader = f"grant of roles/storage.objectViewer to {_account(email)} on storage buckets {bucket}"
        writer = f"grant of roles/artifactregistry.writer to {_account(email)} on {repository}"
        self._need(reader, "INVALID_ARGUMENT: could not resolve source: 403: denied by {}")
        self._need(writer, 'build 1 completed with status "FAILURE" by {}')
        self._create(f"image {image} on {repository}")
        return ""

    def _execute(self, command: Command) -> str:
        project, job = command.flag("project"), command.words[3]
        self._need(f"run jobs {job}")
        account = f"iam service-accounts {job}"
        (dataset,) = (name for name in self.things if name.startswith("dataset "))
        unknown = [name for name in self.things if f" to {account} on " in name and self.things[name]]
        for name in unknown:
            self.things[name] -= 1
        if any("roles/bigquery." in name for name in unknown):
            raise RefusedError(f"exit code 2 by {unknown}")
        assert f"grant of roles/bigquery.jobUser to {account} on projects {project}" in self.things
        assert f"grant of roles/bigquery.dataEditor to {account} on {dataset}" in self.things
        self.things[f"rows on {dataset}"] = 0
        self.forbidden_rows = len(unknown)
        if unknown:
            raise RefusedError(f"exit code 3 by {unknown}")
        return ""

    def _policy(self, command: Command) -> str:
        path, kind, action = "projects/1/alertPolicies/", "policy ", command.words[3]
        titles = {_id(name): name.removeprefix(kind) for name in self.things if name.startswith(kind)}
        if action == "list":
            is_regex, wanted = re.fullmatch(r'displayName(=|~)"(.+)"', command.flag("filter")).groups()  # type: ignore[union-attr]
            pattern = wanted if is_regex == "~" else f"{re.escape(wanted)}$"
            return "".join(f"{path}{number}\n" for number, title in titles.items() if re.match(pattern, title))
        if action == "create":
            policy = json.loads(command.flag("policy"))
            for metric in re.findall(r"logging_googleapis_com:user_(\w+)", json.dumps(policy)):
                self._need(f"logging metrics {metric}", 'NOT_FOUND: Cannot find metric that matches type = "{}"')
            self._create(f"{kind}{policy['displayName']}")
            return ""
        name = f"{kind}{titles[command.words[4].removeprefix(path)]}"
        if action == "delete":
            self._delete(name)
        return ""

    def _bq(self, command: Command) -> str:
        words = [word for word in command.words if not word.startswith("--") or "transfer_config" in word]
        (project,) = {word.partition("=")[2] for word in command.words if word.startswith("--project_id=")}
        self._need_api("bigquery", project)
        if "--transfer_config" in words:
            return self._transfer(command, words, project)
        action, last = words[0], words[-1]
        dataset = f"dataset {last}"
        if action == "show":
            self._need(dataset)
        elif action == "mk":
            self._create(dataset)
        elif action == "rm":
            self._delete(dataset)
        elif match := re.fullmatch(r"(GRANT|REVOKE) `(.+)` ON SCHEMA `(.+)` (?:TO|FROM) '(.+)'", last):
            verb, role, name, member = match.groups()
            dataset = f"dataset {name.replace('.', ':')}"
            self._need(dataset)
            if verb == "GRANT":
                self._grant(dataset, member, role)
            else:
                self._delete(f"grant of {role} to {_account(member)} on {dataset}")
        else:
            (dataset,) = (name for name in self.things if name.startswith("dataset "))
            self._need(f"rows on {dataset}")
            return f"f0_\n{self.forbidden_rows}\n" if "COUNT" in last else "project_id\n"
        return ""

    def _transfer(self, command: Command, words: list[str], project: str) -> str:
        self._need_api("bigquerydatatransfer", project)
        path = "projects/1/locations/eu/transferConfigs/"
        titles = {_id(name): name.removeprefix("query ") for name in self.things if name.startswith("query ")}
        if words[0] == "ls":
            rows = [f"{path}{number},{title},scheduled_query,SUCCEEDED" for number, title in titles.items()]
            return "\n".join(["name,displayName,dataSourceId,state", *rows, ""]) if rows else ""
        if words[0] == "mk":
            title = command.flag("display_name")
            self._need(_account(command.flag("service_account_name")))
            assert json.loads(command.flag("params"))["query"].startswith("-- Fails if")
            self._create(f"query {title}")
            return f"Transfer configuration '{path}{_id(f'query {title}')}' successfully created.\n"
        name = f"query {titles[words[-1].rpartition('/')[2]]}"
        self._need(name) if words[0] == "update" else self._delete(name)
        return ""

    def _curl(self, command: Command) -> str:
        assert command.stdin.strip() == f'header = "Authorization: Bearer {TOKEN}"'
        body = json.loads(command.words[command.words.index("--data") + 1])
        return json.dumps({"permissions": [one for one in body["permissions"] if one not in self.missing_rights]})


def _nothing(_command: Command) -> str:
    return ""


def _account(email: str) -> str:
    """The thing behind an email, or a member of a binding."""
    return f"iam service-accounts {email.removeprefix('serviceAccount:').partition('@')[0]}"


def _id(name: str) -> str:
    return name.encode().hex()


@contextmanager
def imitation(folder: Path) -> Iterator[Cloud]:
    """A cloud with nothing in it, and its programs in a folder."""
    cloud = Cloud(folder)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            count = int(self._field())
            program, stdin, variables, *words = [self._field() for _ in range(count)]
            pairs = dict(line.split("=", 1) for line in variables.splitlines())
            code, out, err = cloud.answer(Command(program, stdin, pairs, words))
            self.wfile.write(f"{code}\0{out}\0{err}\0".encode())

        def _field(self) -> str:
            found = bytearray()
            while (byte := self.rfile.read(1)) != b"\0":
                assert byte
                found += byte
            return found.decode()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        for name in _PROGRAMS:
            (folder / name).write_text(_CLIENT.format(port=server.server_address[1]))
            (folder / name).chmod(0o755)
        try:
            yield cloud
        finally:
            server.shutdown()
