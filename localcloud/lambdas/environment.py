"""The environment of a worker: the function's own variables and what AWS adds, no more.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os
import uuid
from datetime import date
from pathlib import Path

from localcloud.lambdas.spec import LATEST, FunctionSpec
from localcloud.service import Surroundings

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def log_group(name: str) -> str:
    """Return the log group of function `name`."""
    return f"/aws/lambda/{name}"


def log_stream(day: date) -> str:
    """Return a fresh log stream name, as each sandbox gets one."""
    return f"{day:%Y/%m/%d}/[{LATEST}]{uuid.uuid4().hex}"


def worker_environment(
    spec: FunctionSpec, surroundings: Surroundings, stream: str, runtime_api: str, home: Path
) -> dict[str, str]:
    """Return the whole environment of one worker of `spec`.

    Numeric libraries get one thread, since every worker has its share of a small machine;
    a function may ask for more in its own variables.
    """
    provided = {
        "_HANDLER": spec.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": LATEST,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(spec.name),
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": surroundings.region,
        "AWS_DEFAULT_REGION": surroundings.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "test",
        "LAMBDA_TASK_ROOT": str(spec.code_path),
    }
    defaults = {
        "AWS_ENDPOINT_URL": surroundings.endpoint_url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "TZ": ":UTC",
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "HOME": str(home),
        **dict.fromkeys(_ONE_THREAD, "1"),
    }
    return {**defaults, **spec.environment, **provided}
