"""Run the Dockerfile's own steps without a container engine, then start what they made.

usage: unshare --mount python .ci/image.py CONTEXT PYTHON_PREFIX

Each stage gets a root of its own: the machine's /usr and /etc under overlays that take the writes,
PYTHON_PREFIX as /usr/local, and nothing else, so that HOME and the environment are as empty as in
an image. What a real base image holds beside Python is the one thing that isn't tested. The result
is started as the image's user, with a read-only root file system. Needs root and Linux, for mounts.
"""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template

from dockerfile_parse import DockerfileParser

_BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"}
# Docker passes these on to the steps of a build, too.
_PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_READY_SECONDS = 60
_STOP_SECONDS = 10
# Made up; their Slack is a port at which nobody listens, and the bot waits for it.
_SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-made-up",
    "SLACK_SIGNING_SECRET": "made-up",
    "SLACK_API_URL": "http://127.0.0.1:9/api",
    "ENCRYPTION_KEYS": "bWFkZSB1cCBtYWRlIHVwIG1hZGUgdXAgbWFkZSB1cCE=",
}


@dataclass(frozen=True)
class Image:
    """What the steps of a stage made so far."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(_BASE_ENVIRONMENT))
    folder: str = "/"
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)
    volumes: tuple[str, ...] = ()

    def arguments(self, *command: str) -> list[str]:
        """What runs a command in the image, as its user and in its working folder."""
        return [
            *("chroot", f"--userspec={self.user}", "--groups=", str(self.root)),
            *("env", f"--chdir={self.folder}", *command),
        ]


def main(context: Path, prefix: Path) -> None:
    """Build the last stage, and check that it starts."""
    work = Path(tempfile.mkdtemp(prefix="image-"))
    # One mount with all others below it, so that one step undoes them.
    _run("mount", "--bind", work, work)
    try:
        _check(_read_only(_built(context, prefix, work)))
    finally:
        _run("umount", "--recursive", "--lazy", work)
        # What is still mounted is the machine's own.
        assert str(work) not in Path("/proc/self/mountinfo").read_text()
        shutil.rmtree(work)


def _built(context: Path, prefix: Path, work: Path) -> Image:
    stages: dict[str, Image] = {}
    image = Image(work)
    for step in DockerfileParser(str(context / "Dockerfile")).structure:
        name, value = step["instruction"], step["value"]
        if name == "COMMENT":
            continue
        print(f"{name} {value}", flush=True)
        if name == "FROM":
            words = value.split()
            alias = words[2] if len(words) == 3 and words[1].upper() == "AS" else str(len(stages))
            image = Image(_base(work / alias, prefix))
        elif name in _FILE_STEPS:
            _FILE_STEPS[name](image, value, context, stages)
        elif name in _SETTING_STEPS:
            image = _SETTING_STEPS[name](image, value)
        else:
            raise SystemExit(f"{name} can't be run here: teach .ci/image.py what it means")
        stages[image.root.name] = image
    return image


def _environment(image: Image, value: str) -> Image:
    words = [word.partition("=") for word in shlex.split(value)]
    added = {key: Template(text).safe_substitute(image.environment) for key, _, text in words}
    return replace(image, environment=image.environment | added)


def _working_folder(image: Image, value: str) -> Image:
    moved = replace(image, folder=str(Path(image.folder, value)))
    _inside(moved, moved.folder).mkdir(parents=True, exist_ok=True)
    return moved


def _base(root: Path, prefix: Path) -> Path:
    """Make the root that stands for the base image."""
    for name in ("usr", "etc"):
        upper, scratch = (
            root.with_name(f"{root.name}-{name}"),
            root.with_name(f"{root.name}-{name}-work"),
        )
        for folder in (root / name, upper, scratch):
            folder.mkdir(parents=True)
        layers = f"lowerdir=/{name},upperdir={upper},workdir={scratch}"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, root / name)
    # Often a link to a file below /run, which isn't there.
    resolver = root / "etc/resolv.conf"
    if resolver.is_symlink():
        addresses = Path("/etc/resolv.conf").read_bytes()
        resolver.unlink()
        resolver.write_bytes(addresses)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("root", "home", "dev", "proc"):
        (root / name).mkdir()
    for name in ("null", "zero", "random", "urandom"):
        (root / "dev" / name).touch()
        _run("mount", "--bind", Path("/dev", name), root / "dev" / name)
    for name in ("tmp", "var/tmp"):
        (root / name).mkdir(parents=True)
        (root / name).chmod(0o1777)
    root.chmod(0o755)
    _run("mount", "-t", "proc", "proc", root / "proc")
    if prefix != Path("/usr"):
        _run("mount", "--bind", prefix, root / "usr/local")
        _run("mount", "-o", "remount,bind,ro", root / "usr/local")
        _run("chroot", root, "ldconfig")
    return root


def _copy(image: Image, value: str, context: Path, stages: dict[str, Image]) -> None:
    *sources, target = value.split()
    if sources[0].startswith("--from="):
        origin = stages[sources.pop(0).removeprefix("--from=")].root
    else:
        origin = context
        sent = (context / ".dockerignore").read_text().splitlines()
        left_out = [name for name in sources if f"!{name}" not in sent]
        assert not left_out, f".dockerignore leaves out {left_out}"
    to = _inside(image, target)
    for source in sources:
        found = origin / source.lstrip("/")
        place = to / found.name if target.endswith("/") else to
        place.parent.mkdir(parents=True, exist_ok=True)
        if found.is_dir():
            shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(found, place)


def _execute(image: Image, value: str, _context: Path, _stages: dict[str, Image]) -> None:
    passed_on = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    environment = passed_on | image.environment
    subprocess.run(image.arguments("sh", "-c", value), env=environment, check=True)


def _inside(image: Image, path: str) -> Path:
    return image.root / str(Path(image.folder, path)).lstrip("/")


_FILE_STEPS: dict[str, Callable[[Image, str, Path, dict[str, Image]], None]] = {
    "COPY": _copy,
    "RUN": _execute,
}
_SETTING_STEPS: dict[str, Callable[[Image, str], Image]] = {
    "ENV": _environment,
    "WORKDIR": _working_folder,
    "USER": lambda image, value: replace(image, user=value),
    "VOLUME": lambda image, value: replace(image, volumes=(*image.volumes, *value.split())),
    "EXPOSE": lambda image, _value: image,
    "HEALTHCHECK": lambda image, value: replace(
        image, health_check=json.loads(value.partition("CMD ")[2])
    ),
    "ENTRYPOINT": lambda image, value: replace(image, entrypoint=json.loads(value)),
    "CMD": lambda image, value: replace(image, command=json.loads(value)),
}


def _read_only(image: Image) -> Image:
    """The same image as `docker run --read-only` mounts it: only its volumes can be written."""
    root = image.root.with_name("read-only")
    root.mkdir()
    _run("mount", "--rbind", image.root, root)
    for part in ("", "usr", "etc"):
        _run("mount", "-o", "remount,bind,ro", root / part)
    for volume in image.volumes:
        inside = volume.lstrip("/")
        _run("mount", "--bind", image.root / inside, root / inside)
    return replace(image, root=root)


def _check(image: Image) -> None:
    written = subprocess.run(
        image.arguments("sh", "-c", "touch /app/new /usr/new /opt/venv/new"),
        env=image.environment,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    assert written.stderr.count("Read-only file system") == 3, written.stderr

    print("== starts: --help, doctor, demo --once", flush=True)
    _started(image, "--help")
    # There are no settings yet: doctor names those that are missing, and exits with 1.
    missing = _started(image, "doctor", returns=1)
    assert "SLACK_BOT_TOKEN is missing" in missing, missing
    assert "Traceback" not in missing, missing
    print(_started(image, "demo", "--once", "--speed", "60"), flush=True)

    print("== serves until it is stopped, and is healthy", flush=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    environment = image.environment | _SETTINGS | {"PORT": port}
    serving = subprocess.Popen(image.arguments(*image.entrypoint, *image.command), env=environment)
    try:
        _wait_until_healthy(image, environment, serving)
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(_STOP_SECONDS) == 0, "stopped with an error"
    finally:
        serving.kill()
    owners = {path.stat().st_uid for path in (image.root / "data").iterdir()}
    assert owners == {int(image.user.partition(":")[0])}, f"/data holds files of {owners}"


def _started(image: Image, *arguments: str, returns: int = 0) -> str:
    done = subprocess.run(
        image.arguments(*image.entrypoint, *arguments),
        env=image.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    assert done.returncode == returns, f"{arguments} returned {done.returncode}: {done.stdout}"
    return done.stdout


def _wait_until_healthy(
    image: Image, environment: dict[str, str], serving: subprocess.Popen[bytes]
) -> None:
    gives_up = time.monotonic() + _READY_SECONDS
    while subprocess.run(
        image.arguments(*image.health_check),
        env=environment,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode:
        assert serving.poll() is None, "it stopped by itself"
        assert time.monotonic() < gives_up, "its health check kept failing"
        time.sleep(0.2)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
