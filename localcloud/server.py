"""`python -m localcloud.server`: run one local cloud on a data directory until a signal."""

from __future__ import annotations

import argparse
import faulthandler
import fcntl
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.errors import NotFound
from chalicelib.generation.catalogue import catalogue
from infra import tenants
from infra.cloudformation.errors import TemplateError
from infra.deployment.concurrency import concurrency_parameters
from infra.packaging.manifest import ARTIFACTS_BUCKET
from infra.packaging.targets import PackagingError, native_architecture
from localcloud.bedrock.stand_ins import with_chat_model
from localcloud.composition import (
    AccountSettings,
    LocalCloud,
    run_cloud,
    synthesise_template,
)
from localcloud.deployment_package import DeploymentPackage, open_package
from localcloud.dynamodb.conversion import ConversionError
from localcloud.faults.injector import FaultsFileError
from localcloud.frontdoor.http_server import PortUnavailableError
from localcloud.lambdas.pool import SMALL_ACCOUNT, ConcurrencyLimits
from localcloud.lambdas.spec import FunctionCode
from localcloud.moved_clock import ClockError, move_clock, parse_clock
from localcloud.storage_errors import CorruptDatabaseError

PROJECT = Path(__file__).resolve().parent.parent
STAGE = "local"
REGION = "us-east-1"
TENANT = "local"
CLOUD_FILE = "cloud.json"
_UNLIMITED_RATE = "10000"
"""Requests a second; more than this machine answers, as it has one user."""
_ACCOUNTS = {"laptop": ConcurrencyLimits(), "small": SMALL_ACCOUNT}
"""The concurrency of functions, by the kind of account."""
MAX_STOP_S = 15.0
"""The most seconds of a stop, also of one during the start; `headrace down` waits 20."""
_LOOK_S = 0.5
_log = logging.getLogger(__name__)


class StartError(Exception):
    """Raised when the cloud cannot start for a reason that the user can remove."""


_START_ERRORS = (
    StartError,
    PackagingError,
    ClockError,
    FaultsFileError,
    PortUnavailableError,
    CorruptDatabaseError,
    ConversionError,
    OSError,
)


@contextmanager
def lock_data_dir(data_dir: Path) -> Iterator[None]:
    """Lock the data directory for this process, until it ends.

    The lock is the operating system's, so a killed process leaves none behind.

    Raises:
        StartError: Another process has the lock.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise StartError(
                f"{data_dir} is in use by a local cloud, process {lock.read().strip() or '?'}. "
                "End it with `headrace down`, or choose another --data-dir."
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _api_key(file: Path) -> str:
    """Return the API key of the last start, or a new one."""
    try:
        previous: Mapping[str, Any] = json.loads(file.read_text())
        return str(previous["api_key"])
    except FileNotFoundError:
        return tenants.new_key()
    except (KeyError, TypeError, ValueError):
        _log.warning("%s cannot be read; the local tenant gets a fresh API key", file)
        return tenants.new_key()


def _write_privately(file: Path, text: str) -> None:
    """Replace a file that only this user may read, also while it is written."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    draft.replace(file)


def _announce(data_dir: Path, cloud: LocalCloud, outputs: Mapping[str, Any]) -> None:
    """Grant the local API key, write `cloud.json` for the command line, print the ready line."""
    key = _api_key(data_dir / CLOUD_FILE)
    stage = tenants.TenantStorage(outputs["RecordsTableName"], outputs["VectorBucketName"])
    tenants.create_tenant(cloud.client, stage, TENANT)
    # Whoever runs a cloud of their own also operates it.
    table = outputs["RecordsTableName"]
    tenants.grant_key(cloud.client("dynamodb"), table, key, TENANT, "local", operator=True)
    url = cloud.context.endpoint_url
    ready_line = json.dumps(
        {
            "pid": os.getpid(),
            "port": int(url.rpartition(":")[2]),
            "endpoint_url": url,
            "api_key": key,
            "outputs": dict(outputs),
        }
    )
    _write_privately(data_dir / CLOUD_FILE, ready_line)
    print(ready_line, flush=True)  # noqa: T201 - the ready line is the interface


def _open_code(options: argparse.Namespace) -> DeploymentPackage:
    """Return the template and the code of the functions: of a package, or the source tree.

    The source tree is the bundle of every function at once, models included.
    """
    if options.package is not None:
        bundles = options.bundles or options.data_dir / "bundles"
        runtime = options.project / "build" / "runtime"
        private = options.bundles is None
        return open_package(
            options.package, bundles, runtime, options.project, remove_others=private
        )
    template = synthesise_template(options.project, STAGE, REGION)
    return DeploymentPackage(
        STAGE, native_architecture(), template, FunctionCode.from_source_tree(options.project)
    )


def _concurrency(account: str) -> dict[str, str]:
    """Return the template's limits of concurrency: a deployment's, or by the laptop's cores."""
    limits = _ACCOUNTS[account]
    if account == "small":
        return concurrency_parameters(limits.concurrency)
    cores = os.cpu_count() or 1
    return {
        "MaxRunningIngests": str(max(4, min(limits.function_share, cores))),
        "PartConcurrency": str(max(2, min(limits.function_share, cores))),
        "BatchConcurrency": str(max(2, cores)),
        "MaxScheduledRuns": str(max(2, cores)),
    }


def _check_chat_model(name: str, models_dir: Path) -> None:
    """Raise StartError unless `name` is "", or a chat model that was pulled into `models_dir`."""
    if not name:
        return
    try:
        model = with_chat_model(catalogue(), name).model(name)
    except NotFound as error:
        raise StartError(f"--chat-model: {error.message}") from error
    if not all((models_dir / name / file.name).is_file() for file in model.files):
        raise StartError(
            f"--chat-model: {name} is not in {models_dir}; `headrace models pull {name}` gets it."
        )


def _serve(options: argparse.Namespace, stopping: threading.Event) -> None:
    package = _open_code(options)
    if stopping.is_set():
        return
    values = {
        "Stage": package.stage,
        "Architecture": package.architecture,
        "WebhookTargets": "any",
        "ModelTargets": "any",
        "ModelQueues": "shared",
        "BatchPollSeconds": "1",
        "TranscriptionPollSeconds": "1",
        **_concurrency(options.account),
        **dict.fromkeys(("ApiRate", "ApiBurst", "ApiDearRate", "ApiDearBurst"), _UNLIMITED_RATE),
        **({ARTIFACTS_BUCKET: "local"} if options.package is not None else {}),
        **dict(options.parameter),
    }
    data_dir, project = options.data_dir, options.project
    template, code = package.template, package.code
    _check_chat_model(options.chat_model, project / "models" / "cache")
    settings = AccountSettings(
        _ACCOUNTS[options.account], options.iam == "enforce", options.chat_model
    )
    running = run_cloud(data_dir, template, values, project, options.port, code, settings)
    with running as (cloud, outputs):
        _announce(data_dir, cloud, outputs)
        wait_for_signal(stopping)


def wait_for_signal(stopping: threading.Event) -> None:
    """Return once a signal's handler has set `stopping`; to be called by the main thread.

    Handlers run in the main thread. The system may give a signal to another one, and does not wake
    the main thread then: it looks by itself.
    """
    while not stopping.wait(_LOOK_S):
        continue


@contextmanager
def ended_in_time(
    stopping: threading.Event, end: Callable[[int], object] = os._exit, stop_s: float = MAX_STOP_S
) -> Iterator[None]:
    """End the process by `end` if the block still runs `stop_s` seconds after `stopping` is set.

    Nothing that was acknowledged is lost by that, as by a kill. On a busy machine many services
    that each stop in their seconds take long together. The log then says what each thread did.
    """
    has_ended = threading.Event()

    def watch() -> None:
        stopping.wait()
        if not has_ended.wait(stop_s):
            _log.warning("not stopped after %g s: the process ends here", stop_s)
            faulthandler.dump_traceback(sys.__stderr__ or sys.stderr, all_threads=True)
            end(0)

    threading.Thread(target=watch, name="stop-watch", daemon=True).start()
    try:
        yield
    finally:
        has_ended.set()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _folder(text: str) -> Path:
    return Path(text).resolve()


def _clock(text: str) -> datetime:
    try:
        return parse_clock(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
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
        "--account",
        choices=sorted(_ACCOUNTS),
        default="laptop",
        help="small throttles as a new account of AWS does, beyond ten functions at once",
    )
    parser.add_argument(
        "--iam",
        choices=("enforce", "off"),
        default="enforce",
        help="off makes every call, whatever the policies of the caller's role allow",
    )
    parser.add_argument(
        "--chat-model",
        default="",
        metavar="NAME",
        help="the pulled model that answers for all chat models of Bedrock",
    )
    parser.add_argument(
        "--parameter",
        type=_parameter,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the template, as a deployment gives it; may be repeated",
    )
    parser.add_argument(
        "--clock",
        type=_clock,
        metavar="TIME",
        help="live from this time of RFC 3339 on, with every process that is started",
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with lock_data_dir(options.data_dir), ended_in_time(stopping):
            move_clock(options.data_dir, options.clock)
            _serve(options, stopping)
    except TemplateError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - the message for the user
        return 3
    except _START_ERRORS as error:
        print(error, file=sys.stderr)  # noqa: T201 - the message for the user
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
