"""`python -m localcloud.server`: one local cloud on one data directory, until a signal."""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra import keys, tenants
from localcloud.composition import Cloud, running, synthesise

PROJECT = Path(__file__).resolve().parent.parent
STAGE = "local"
TENANT = "local"
CLOUD_FILE = "cloud.json"


class InUse(Exception):  # noqa: N818 - named for what it tells
    """Another local cloud runs on the data directory."""


@contextmanager
def sole_user(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process alone, as long as it lives.

    The lock is the operating system's, so a killed process leaves none behind. Raises InUse.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise InUse(
                f"{data_dir} is in use by a local cloud, process {lock.read().strip() or '?'}. "
                "End it with `headrace down`, or choose another --data-dir."
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _api_key(data_dir: Path) -> str:
    """Return the key of the last start, or a fresh one."""
    try:
        kept: Mapping[str, Any] = json.loads((data_dir / CLOUD_FILE).read_text())
        return str(kept["api_key"])
    except (FileNotFoundError, KeyError, ValueError):
        return keys.new_key()


def _tell(data_dir: Path, cloud: Cloud, outputs: Mapping[str, Any]) -> None:
    """Grant the local key, write `cloud.json` for the command line, and print the ready line."""
    key = _api_key(data_dir)
    stage = tenants.Stage(outputs["RecordsTableName"], outputs["VectorBucketName"])
    tenants.create(cloud.client, stage, TENANT)
    keys.grant(cloud.client("dynamodb"), outputs["RecordsTableName"], key, TENANT, "local")
    url = cloud.surroundings.endpoint_url
    said = {
        "pid": os.getpid(),
        "port": int(url.rpartition(":")[2]),
        "endpoint_url": url,
        "api_key": key,
        "outputs": dict(outputs),
    }
    draft = data_dir / f"{CLOUD_FILE}.new"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(said))
    draft.replace(data_dir / CLOUD_FILE)
    print(json.dumps(said), flush=True)  # noqa: T201 - the ready line is the interface


def _serve(data_dir: Path, port: int, project: Path, stopping: threading.Event) -> None:
    template = synthesise(project, STAGE, "us-east-1")
    values = {
        "Stage": STAGE,
        "Architecture": "x86_64",
        "ModelsDir": str(project / "models" / "cache"),
    }
    with running(data_dir, template, values, project, port) as (cloud, outputs):
        _tell(data_dir, cloud, outputs)
        stopping.wait()


def main(arguments: list[str] | None = None) -> int:
    """Run the local cloud until SIGTERM or SIGINT. Exit code 3 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=4510, help="0 takes a free one")
    parser.add_argument("--data-dir", type=Path, default=Path(".headrace"))
    parser.add_argument("--project", type=Path, default=PROJECT)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with sole_user(chosen.data_dir):
            _serve(chosen.data_dir, chosen.port, chosen.project, stopping)
    except (InUse, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
