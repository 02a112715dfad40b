"""The process of the local cloud: start, find and stop it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.failures import CommandError
from cli.options import read_cloud_file

START_SECONDS = 300.0
STOP_SECONDS = 20.0
_MODULE = "localcloud.server"


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running local cloud."""

    pid: int
    endpoint_url: str
    api_key: str


class CloudStartError(CommandError):
    """Raised when the local cloud did not start or did not stop."""


def running_cloud(data_dir: Path) -> Cloud | None:
    """Return the local cloud that runs on `data_dir`, or None."""
    content = read_cloud_file(data_dir)
    try:
        cloud = Cloud(int(content["pid"]), content["endpoint_url"], content["api_key"])
    except (KeyError, TypeError, ValueError):
        return None
    return cloud if _is_cloud(cloud.pid) else None


def server_command(  # noqa: PLR0913 - the options of a command
    data_dir: Path,
    port: int,
    package: Path | None = None,
    account: str = "laptop",
    iam: str = "enforce",
    clock: str | None = None,
    chat_model: str = "",
    *,
    training: bool = False,
) -> list[str]:
    """Return the command line of the local cloud; port 0 takes a free one.

    With a package, functions run from the package's bundles. `account` is `laptop` or `small`,
    `iam` is `enforce` or `off`, and `clock` is a time of RFC 3339 to live from, or None. The pulled
    model `chat_model` answers for Bedrock's chat models, the catalogue's if it is "".
    """
    arguments = ["--port", str(port), "--data-dir", str(data_dir.resolve())]
    if account != "laptop":
        arguments += ["--account", account]
    if iam != "enforce":
        arguments += ["--iam", iam]
    if chat_model:
        arguments += ["--chat-model", chat_model]
    if training:
        arguments += ["--parameter", "Training=on"]
    if clock is not None:
        arguments += ["--clock", clock]
    if package is not None:
        arguments += ["--package", str(package.resolve())]
    return [sys.executable, "-m", _MODULE, *arguments]


def start(
    data_dir: Path, command: Sequence[str], wait: float = START_SECONDS
) -> tuple[subprocess.Popen[bytes], Cloud]:
    """Start the local cloud and return it once it is ready.

    It gets a session of its own, so that Ctrl-C reaches only this command, which then
    stops it in order. Its log is `server.log` in the data folder. What it says when it is
    ready holds a key, so only its owner may read that.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    ready, log = data_dir / "server.ready", data_dir / "server.log"
    ready.touch(mode=0o600)
    ready.chmod(0o600)
    with ready.open("wb") as out, log.open("ab") as err:
        process = subprocess.Popen(  # noqa: S603 - our own module, by an absolute interpreter
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
    try:
        return process, _await_ready(process, ready, log, wait)
    except BaseException:
        stop_process(process)
        raise


def _await_ready(process: subprocess.Popen[bytes], ready: Path, log: Path, wait: float) -> Cloud:
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        for line in ready.read_bytes().splitlines(keepends=True):
            if line.startswith(b"{") and line.endswith(b"\n"):
                description = json.loads(line)
                return Cloud(process.pid, description["endpoint_url"], description["api_key"])
        if process.poll() is not None:
            raise CloudStartError(
                f"The local cloud ended with code {process.returncode}: {_last_words(log)}"
            )
        time.sleep(0.05)
    raise CloudStartError(f"The local cloud was not ready after {wait:g} s; see {log}.")


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else f"{log} is empty."


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process that we started, and kill it if it does not end."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop(cloud: Cloud, wait: float = STOP_SECONDS) -> None:
    """Terminate a local cloud that another command started, and wait until it has ended."""
    deadline = time.monotonic() + wait
    with contextlib.suppress(ProcessLookupError):
        os.kill(cloud.pid, signal.SIGTERM)
    while _is_cloud(cloud.pid):
        if time.monotonic() >= deadline:
            raise CloudStartError(f"Process {cloud.pid} has not ended after {wait:g} s.")
        time.sleep(0.05)


def _is_cloud(pid: int) -> bool:
    """Return whether `pid` is a live local cloud, and not a later process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False
    process = Path("/proc") / str(pid)
    if not process.exists():
        return not Path("/proc/self").exists()
    with contextlib.suppress(OSError):
        return _MODULE.encode() in (process / "cmdline").read_bytes()
    return False


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM into KeyboardInterrupt, so that everything started is stopped in order."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
