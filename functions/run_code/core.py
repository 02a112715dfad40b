"""Run code against tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.run_code import CodeTests, RunCodeRequest, RunCodeResult

if TYPE_CHECKING:
    from functions.run_code.sandbox import CodeRun

_MB = 1 << 20


class CodeRunner(Protocol):
    """Something that runs code."""

    def run(self, code: str, judged_by: CodeTests) -> CodeRun:
        """Return the verdict on `code`."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` returns seconds from any start."""

    sandbox: CodeRunner
    clock: Callable[[], float]
    memory_gb: float


def run(request: RunCodeRequest, deps: Deps) -> RunCodeResult:
    """Return the verdict on the code."""
    began = deps.clock()
    found = deps.sandbox.run(request.code, request.judged_by)
    seconds = max(0.0, deps.clock() - began)
    return RunCodeResult(
        verdict=found.verdict,
        reason=found.reason,
        fuel=found.fuel,
        memory_mb=found.memory_bytes // _MB,
        calls=found.calls,
        seconds=round(seconds, 6),
        gb_seconds=seconds * deps.memory_gb,
    )
