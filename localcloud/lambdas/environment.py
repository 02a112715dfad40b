"""The environment of a worker: the function's own variables and what AWS adds, no more.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from localcloud.iam.credentials import Credentials
from localcloud.lambdas.spec import LATEST, FunctionSpec
from localcloud.service import CloudContext

BUNDLE = "/var/task/"
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def log_group(name: str) -> str:
    """Return the log group of function `name`."""
    return f"/aws/lambda/{name}"


def log_stream(day: date) -> str:
    """Return a fresh log stream name, as each sandbox gets one."""
    return f"{day:%Y/%m/%d}/[{LATEST}]{uuid.uuid4().hex}"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What one worker has to itself: its log stream, where its Runtime API is, a home folder, and
    what it signs its calls with, which stands for its function's role.
    """

    stream: str
    runtime_api: str
    home: Path
    credentials: Credentials


def worker_environment(
    spec: FunctionSpec, context: CloudContext, sandbox: Sandbox
) -> dict[str, str]:
    """Return the whole environment of one worker of `spec`.

    Numeric libraries get one thread, since every worker has its share of a small machine;
    a function may ask for more in its own variables. AWS mounts the bundle at /var/task; a
    variable that begins so is led to where it lies here.
    """
    provided = {
        "_HANDLER": spec.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": spec.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or log_group(spec.name),
        "AWS_LAMBDA_LOG_STREAM_NAME": sandbox.stream,
        "AWS_LAMBDA_RUNTIME_API": sandbox.runtime_api,
        "AWS_REGION": context.region,
        "AWS_DEFAULT_REGION": context.region,
        "AWS_ACCESS_KEY_ID": sandbox.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": sandbox.credentials.secret,
        "AWS_SESSION_TOKEN": sandbox.credentials.token,
        "LAMBDA_TASK_ROOT": str(spec.code_path),
    }
    defaults = {
        "AWS_ENDPOINT_URL": context.endpoint_url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "TZ": ":UTC",
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "HOME": str(sandbox.home),
        **dict.fromkeys(_ONE_THREAD, "1"),
    }
    own = {name: _led(value, spec.code_path) for name, value in spec.environment.items()}
    return {**defaults, **own, **provided}


def _led(value: str, code_path: Path) -> str:
    return f"{code_path}/{value.removeprefix(BUNDLE)}" if value.startswith(BUNDLE) else value
