"""A container engine that builds and runs the image: Docker if its daemon answers, else Podman as root.

If no image registry can be reached, Podman gets an imitation of `python:3.11-slim` made from Debian's packages: the
Debian release whose Python is 3.11, as little of it as that image has, and an interpreter with pip at /usr/local. Every
line of the Dockerfile is then built for real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BASE = "docker.io/library/python:3.11-slim"
_DEBIAN = "bookworm"
_MEMORY = Path("/dev/shm")
_ROOM = 6 << 30  # bytes; in memory it takes half as long, because dpkg syncs every file to the disk


class Engine:
    """An engine with its own image store in `folder`, or Docker with Docker's."""

    def __init__(self, folder: Path) -> None:
        self._docker = _answers("docker", "info")
        roomy = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM
        self._store = (_MEMORY if roomy else folder) / f"gke-inventory-image-{os.getpid()}"

    @staticmethod
    def missing() -> str | None:
        """Why no engine can be used here; None if one can."""
        if _answers("docker", "info"):
            return None
        if os.geteuid() != 0:
            return "needs Docker, or root to run Podman"
        absent = [name for name in ("podman", "runc", "mmdebstrap") if shutil.which(name) is None]
        return f"needs Docker, or Debian's packages {', '.join(absent)}" if absent else None

    def build(self, context: Path, tag: str, **arguments: str) -> None:
        """Builds the image. The build, and only the build, uses this machine's pip configuration."""
        words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        if not self._docker:
            self._imitate_base()
            words += [f"--build-arg=BASE={BASE}"]  # not the digest that the Dockerfile names
            words += ["--pull=never", "--network=host", *self._pip_configuration()]
        self._checked_call("build", "--tag", tag, *words, str(context))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`run --rm` with these arguments."""
        own = (
            [] if self._docker else ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--read-only-tmpfs=false"]
        )
        return self._call("run", "--rm", *own, *words)

    def inspect(self, form: str, tag: str) -> str:
        """`image inspect`."""
        return self._checked_call("image", "inspect", "--format", form, tag).strip()

    def close(self) -> None:
        """Deletes its own image store; Docker's is left alone."""
        if not self._docker:
            self._call("rmi", "--all", "--force")
            shutil.rmtree(self._store, ignore_errors=True)

    def _command(self) -> list[str]:
        if self._docker:
            return ["docker"]
        # works without a running cgroup manager and journal
        return [
            "podman", f"--root={self._store}/root", f"--runroot={self._store}/run", f"--tmpdir={self._store}/tmp",
            "--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file",
        ]  # fmt: skip

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command(), *words],
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def _checked_call(self, *words: str) -> str:
        done = self._call(*words)
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _imitate_base(self) -> None:
        self._store.mkdir(parents=True)
        archive = self._store / "base.tar"
        _check(
            "mmdebstrap", "--variant=minbase", "--include=ca-certificates,python3.11-venv",
            '--customize-hook=chroot "$1" python3.11 -m venv /usr/local', _DEBIAN, str(archive),
            environment={"TMPDIR": str(self._store)},
        )  # fmt: skip
        path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        self._checked_call("import", "--change", path, str(archive), BASE)
        archive.unlink()

    def _pip_configuration(self) -> list[str]:
        """Mounts for pip.conf and for the certificates that it names; the image does not contain them."""
        listed = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, timeout=60, check=False
        )
        settings = {}
        for line in listed.stdout.splitlines():
            name, _, value = line.partition("=")
            settings[name.rpartition(".")[2]] = value.strip("'\"")
        kept = {
            name: value
            for name, value in settings.items()
            if name in ("cert", "index-url", "proxy", "timeout", "trusted-host") and value
        }
        configuration = self._store / "pip.conf"
        configuration.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in kept.items()))
        mounts = [f"{configuration}:/etc/pip.conf:ro"]
        if "cert" in kept:
            mounts.append(f"{kept['cert']}:{kept['cert']}:ro")
        return [word for mount in mounts for word in ("--volume", mount)]


def _answers(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def _check(*command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr[-4000:]
