"""The Lambda function `run_code`."""

from __future__ import annotations

import functools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from chalicelib.contracts.functions.run_code import RunCodeRequest
from chalicelib.generation.catalogue import INTERPRETER, catalogue
from chalicelib.observability import observed
from chalicelib.settings import RunCodeSettings, memory_gb
from functions.run_code import core
from functions.run_code.interpreter import load_interpreter
from functions.run_code.sandbox import CodeSandbox


def open_sandbox(models_dir: Path) -> CodeSandbox:
    """Return a sandbox on the interpreter that was pulled into `models_dir`."""
    (file,) = catalogue().model(INTERPRETER).files
    cache = Path(tempfile.gettempdir()) / f"headrace-interpreter-{os.getuid()}"
    return CodeSandbox(load_interpreter(models_dir / INTERPRETER / file.name, file.sha256, cache))


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RunCodeSettings.from_environ(os.environ)
    sandbox = open_sandbox(Path(settings.models_dir))
    return core.Deps(sandbox, time.perf_counter, memory_gb(os.environ))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run the code of `event`."""
    request = RunCodeRequest.model_validate(event)
    with observed("run_code", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")
