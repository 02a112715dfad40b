"""Execution environments: a process with its Runtime API, variables and log stream.

An environment handles one invocation at a time, as on AWS.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from localcloud.iam.credentials import Credentials, IssueCredentials, issue_administrator
from localcloud.lambdas.logs import FunctionLogs, LogStream, log_group, new_log_stream
from localcloud.lambdas.process import ProcessCommand, ProcessSpawner, SupervisedProcess
from localcloud.lambdas.registry import RegisteredFunction
from localcloud.lambdas.runtime_api import (
    ProcessExited,
    RuntimeApi,
    RuntimeInvocation,
    RuntimeSignal,
)
from localcloud.lambdas.spec import DEVELOPMENT_INTERPRETER, FunctionSpec
from localcloud.service import CloudContext

TASK_ROOT = "/var/task/"
_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ExecutionEnvironment:
    """A running environment. Used by one thread, except for `kill` and memory measurements."""

    def __init__(
        self,
        function: RegisteredFunction,
        process: subprocess.Popen[bytes],
        api: RuntimeApi,
        log: LogStream,
    ) -> None:
        """Supervise `process`, which runs `function` and calls `api`."""
        self.function = function
        self.log = log
        self.idle_since = 0.0
        self.peak_rss = 0
        self.process = SupervisedProcess(process, log.feed, self._on_exit)
        self._api = api
        self._exited = threading.Event()

    @property
    def alive(self) -> bool:
        """Whether it can take an invocation."""
        return self.process.alive

    def invoke(self, invocation: RuntimeInvocation) -> None:
        """Hand over `invocation`; `wait_for_signal` returns its end."""
        self._api.post(invocation)

    def wait_for_signal(self, timeout_s: float) -> RuntimeSignal | None:
        """Return the next signal with all output before it logged, None after `timeout_s`."""
        try:
            signal = self._api.signals.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None
        self.process.drain()
        return signal

    def kill(self) -> None:
        """Kill the process and everything it started."""
        self.process.kill()

    def wait_for_exit(self, timeout_s: float) -> None:
        """Wait until the process has exited and its last output is logged."""
        self._exited.wait(timeout_s)

    def _on_exit(self, returncode: int) -> None:
        self._api.signals.put(ProcessExited(returncode))
        self._exited.set()
        self._api.close()


class ExecutionEnvironmentFactory:
    """Starts execution environments of this local cloud."""

    def __init__(
        self,
        context: CloudContext,
        spawner: ProcessSpawner,
        logs: FunctionLogs,
        issue: IssueCredentials = issue_administrator,
        interpreter: Path = DEVELOPMENT_INTERPRETER,
    ) -> None:
        """Start processes by `spawner`; they sign with the credentials that `issue` gives."""
        self._issue = issue
        self._interpreter = interpreter
        self._context = context
        self._spawner = spawner
        self._logs = logs
        self._home = context.folder("lambdas") / "home"
        self._home.mkdir(exist_ok=True)

    def start(self, function: RegisteredFunction) -> ExecutionEnvironment:
        """Start an environment; its first signal tells whether the handler was loaded."""
        api = RuntimeApi()
        log = LogStream(self._logs, function.spec.name, new_log_stream(datetime.now(UTC).date()))
        credentials = self._issue(function.spec.role_arn, function.spec.name)
        settings = EnvironmentSettings(log.name, api.address, self._home, credentials)
        variables = environment_variables(function.spec, self._context, settings)
        try:
            command = ProcessCommand(self._interpreter, variables, Path(function.spec.code_path))
            process = self._spawner.spawn(command)
        except OSError:
            api.close()
            raise
        return ExecutionEnvironment(function, process, api, log)


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """The settings of one environment: log stream, Runtime API, home folder, credentials."""

    log_stream: str
    runtime_api: str
    home: Path
    credentials: Credentials


def environment_variables(
    spec: FunctionSpec, context: CloudContext, settings: EnvironmentSettings
) -> dict[str, str]:
    """Return all environment variables of an execution environment of `spec`.

    Numeric libraries get one thread, as every environment has its share of a small machine; a
    function may set more in its own variables. AWS mounts the bundle at /var/task; a variable
    that begins so points to the code's folder here.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    reserved = {
        "_HANDLER": spec.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": spec.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or log_group(spec.name),
        "AWS_LAMBDA_LOG_STREAM_NAME": settings.log_stream,
        "AWS_LAMBDA_RUNTIME_API": settings.runtime_api,
        "AWS_REGION": context.region,
        "AWS_DEFAULT_REGION": context.region,
        "AWS_ACCESS_KEY_ID": settings.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.credentials.secret,
        "AWS_SESSION_TOKEN": settings.credentials.token,
        "LAMBDA_TASK_ROOT": str(spec.code_path),
    }
    defaults = {
        "AWS_ENDPOINT_URL": context.endpoint_url,
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "TZ": ":UTC",
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
        "HOME": str(settings.home),
        **dict.fromkeys(_THREAD_COUNTS, "1"),
    }
    own = {name: _local_path(value, spec.code_path) for name, value in spec.environment.items()}
    return {**defaults, **own, **reserved}


def _local_path(value: str, code_path: Path) -> str:
    return f"{code_path}/{value.removeprefix(TASK_ROOT)}" if value.startswith(TASK_ROOT) else value
