"""The execution of a job's state machine, as it is shown."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract

StepStatus = Literal["not_entered", "running", "succeeded", "failed"]
ExecutionState = Literal["running", "succeeded", "failed", "timed_out", "aborted"]


class ExecutionStep(Contract):
    """A state of the machine, and how far the execution is with it.

    `next` are the states that may follow, and `on_error` those that catch its errors. `entered`
    says how often the execution entered it, `seconds` how long it was in it in all, and `error`
    the name of the error of its last visit, "" if that had none.
    """

    name: str
    type: str
    next: tuple[str, ...] = ()
    on_error: tuple[str, ...] = ()
    status: StepStatus = "not_entered"
    entered: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    error: str = ""


class JobExecution(Contract):
    """`GET /v1/jobs/{job_id}/execution`: the states of the last attempt's machine, in its order.

    States within a Map are left out: where they run as executions of their own, the history of
    this one does not tell of them. `partial` says that the history is longer than what is read,
    its newest events; `entered` and `seconds` then are those of these.
    """

    job_id: str
    attempt: int = Field(ge=1)
    machine: str
    status: ExecutionState
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    first: str
    steps: tuple[ExecutionStep, ...]
    partial: bool
