"""Screen texts by rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts.screening import ScreenTextRequest, ScreenTextResult
from chalicelib.screening.text_screening import CATEGORIES, screen


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` returns seconds from any start."""

    clock: Callable[[], float]


def run(request: ScreenTextRequest, deps: Deps) -> ScreenTextResult:
    """Return the findings. Raises `InvalidInput` for too long texts or too many findings."""
    began = deps.clock()
    findings = screen(request.texts, request.categories or CATEGORIES, request.least)
    return ScreenTextResult(findings=findings, seconds=max(0.0, deps.clock() - began))
