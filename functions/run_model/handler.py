"""The Lambda functions that run a served model, with one handler per task.

The template deploys the package once per task, with a handler such as
`functions.run_model.handler.embed_image`. Lambda's runtime asks this module for that attribute when
a process starts (PEP 562), so a function imports the module of its own task, and the libraries that
it needs, and no other.
"""

from __future__ import annotations

import functools
import os
import secrets
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, cast

from chalicelib.adapters import aws
from chalicelib.adapters.s3 import S3Objects
from chalicelib.contracts.base import Contract
from chalicelib.contracts.functions.generate_image import MAX_SEED
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.observability import observed
from chalicelib.settings import memory_gb
from chalicelib.wiring.serving import served_models
from functions.run_model.deps import Deps

TASKS = (
    "answer_image",
    "caption_image",
    "classify_image",
    "complete_text",
    "embed_image",
    "generate_image",
    "label_text",
    "score_answer",
)
"""The modules of the tasks, which are also the names of their handlers and Lambda functions."""

Event = dict[str, Any]
Handler = Callable[[Event, object], Event]


class TaskRequest(Protocol):
    """The request of any task."""

    @property
    def correlation_id(self) -> str: ...


class TaskModule(Protocol):
    """The interface of a task's module."""

    @property
    def open_model(self) -> Callable[[ExportedModel], Any]:
        """Return the function that opens an exported model of this task."""

    def parse(self, event: Event) -> TaskRequest:
        """Return the request that an event contains."""

    def run(self, request: Any, deps: Deps[Any]) -> Contract:
        """Return the result of a request."""


def __getattr__(name: str) -> Handler:
    """Return the handler of the task `name`."""
    if name not in TASKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return handler_of(name)


@functools.cache
def handler_of(name: str) -> Handler:
    """Import the module of a task and return its handler."""
    task = cast("TaskModule", import_module(f"{__package__}.{name}"))
    deps = functools.cache(functools.partial(_deps, task))

    def handler(event: Event, context: object) -> Event:
        """Run the task on `event`."""
        request = task.parse(event)
        with observed(name, request.correlation_id):
            return task.run(request, deps()).model_dump(mode="json")

    return handler


def _deps(task: TaskModule) -> Deps[Any]:
    """Return the collaborators of a task, built once per process."""
    return Deps(
        models=served_models(os.environ, task.open_model),
        monotonic=time.perf_counter,
        new_seed=lambda: secrets.randbelow(MAX_SEED + 1),
        objects=S3Objects(aws.s3()),
        memory_gb=memory_gb(os.environ),
    )
