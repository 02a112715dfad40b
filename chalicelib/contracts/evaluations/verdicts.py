"""Verdicts of suites on versions of prompts, by which the API lets labels move. Light."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract


class SuiteVerdict(Contract):
    """The verdict of a suite on a version of a prompt, by its latest evaluation.

    `worse` are the cases that got worse, worst first; `scores` are the scores by case, against
    which the next version is held.
    """

    evaluation_id: str
    suite: str
    sha256: str
    version: int = Field(ge=1)
    passed: bool
    reasons: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    at: AwareDatetime
    scores: dict[str, float] = Field(default_factory=dict)
