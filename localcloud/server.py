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
from infra.cloudformation.errors import TemplateError
from infra.packaging.failures import CannotPackage
from infra.packaging.manifest import ARTIFACTS_BUCKET
from infra.packaging.targets import native_architecture
from localcloud.code import Code
from localcloud.composition import Cloud, running, synthesise
from localcloud.faults.injector import FaultsUnreadable
from localcloud.http import PortRefused
from localcloud.packaged import Packaged, opened

PROJECT = Path(__file__).resolve().parent.parent
STAGE = "local"
REGION = "us-east-1"
TENANT = "local"
CLOUD_FILE = "cloud.json"
_UNLIMITED = "10000"
"""Requests a second: more than this machine answers, for it is its one user's."""
_log = logging.getLogger(__name__)


class CannotStart(Exception):  # noqa: N818 - named for what it tells
    """Something that the user can put right."""


@contextmanager
def sole_user(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process alone, as long as it lives.

    The lock is the operating system's, so a killed process leaves none behind. Raises
    CannotStart.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise CannotStart(
                f"{data_dir} is in use by a local cloud, process {lock.read().strip() or '?'}. "
                "End it with `headrace down`, or choose another --data-dir."
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _api_key(file: Path) -> str:
    """Return the key of the last start, or a fresh one."""
    try:
        kept: Mapping[str, Any] = json.loads(file.read_text())
        return str(kept["api_key"])
    except FileNotFoundError:
        return keys.new_key()
    except (KeyError, TypeError, ValueError):
        _log.warning("%s cannot be read; the local tenant gets a fresh API key", file)
        return keys.new_key()


def _write_privately(file: Path, text: str) -> None:
    """Replace `file`, which only this user may read, also while it is written."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
    draft.replace(file)


def _tell(data_dir: Path, cloud: Cloud, outputs: Mapping[str, Any]) -> None:
    """Grant the local key, write `cloud.json` for the command line, and print the ready line."""
    key = _api_key(data_dir / CLOUD_FILE)
    stage = tenants.Stage(outputs["RecordsTableName"], outputs["VectorBucketName"])
    tenants.create(cloud.client, stage, TENANT)
    keys.grant(cloud.client("dynamodb"), outputs["RecordsTableName"], key, TENANT, "local")
    url = cloud.surroundings.endpoint_url
    said = json.dumps(
        {
            "pid": os.getpid(),
            "port": int(url.rpartition(":")[2]),
            "endpoint_url": url,
            "api_key": key,
            "outputs": dict(outputs),
        }
    )
    _write_privately(data_dir / CLOUD_FILE, said)
    print(said, flush=True)  # noqa: T201 - the ready line is the interface


def _source(chosen: argparse.Namespace) -> Packaged:
    """Return what the functions run from: a package, or the source tree itself.

    The source tree is at once the bundle of every function, models included.
    """
    if chosen.package is not None:
        bundles = chosen.bundles or chosen.data_dir / "bundles"
        runtime = chosen.project / "build" / "runtime"
        own = chosen.bundles is None
        return opened(chosen.package, bundles, runtime, chosen.project, alone_there=own)
    template = synthesise(chosen.project, STAGE, REGION)
    return Packaged(STAGE, native_architecture(), template, Code.of(chosen.project))


def _serve(chosen: argparse.Namespace, stopping: threading.Event) -> None:
    source = _source(chosen)
    if stopping.is_set():
        return
    values = {
        "Stage": source.stage,
        "Architecture": source.architecture,
        "WebhookTargets": "any",
        "BatchPollSeconds": "1",
        **dict.fromkeys(("PartConcurrency", "BatchConcurrency"), str(max(2, os.cpu_count() or 1))),
        **dict.fromkeys(("ApiRate", "ApiBurst", "ApiDearRate", "ApiDearBurst"), _UNLIMITED),
        **({ARTIFACTS_BUCKET: "local"} if chosen.package is not None else {}),
        **dict(chosen.parameter),
    }
    data_dir, project = chosen.data_dir, chosen.project
    template, code = source.template, source.code
    with running(data_dir, template, values, project, chosen.port, code) as (cloud, outputs):
        _tell(data_dir, cloud, outputs)
        stopping.wait()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _folder(text: str) -> Path:
    return Path(text).resolve()


def _parameter(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{written!r} is not NAME=VALUE")
    return name, value


def main(arguments: list[str] | None = None) -> int:
    """Run the local cloud until SIGTERM or SIGINT. Exit code 3 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.server", description=main.__doc__)
    parser.add_argument("--port", type=_port, default=4510, help="0 takes a free one")
    parser.add_argument("--data-dir", type=Path, default=Path(".headrace"))
    parser.add_argument("--project", type=_folder, default=PROJECT)
    parser.add_argument("--package", type=_folder, help="run from these bundles")
    parser.add_argument("--bundles", type=_folder, help="where they are unpacked")
    parser.add_argument(
        "--parameter",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the template, as a deployment gives it; may be repeated",
    )
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with sole_user(chosen.data_dir):
            _serve(chosen, stopping)
    except TemplateError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 3
    except (CannotStart, CannotPackage, FaultsUnreadable, PortRefused, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
