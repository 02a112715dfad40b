"""`PUT /v1/prompts/{prompt}/suite`: the suite that a prompt has to pass."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.contracts.base import HttpInput
from chalicelib.contracts.evaluations.suites import Suite
from chalicelib.contracts.prompts import Label

PRODUCTION = "production"
MAX_GUARDED_LABELS = 20


class PutPromptSuiteRequest(HttpInput):
    """The suite that a version has to pass before one of `labels` points to it.

    Its targets, budget and gate may change. A change of its cases or graders makes it another
    suite, which is put again.
    """

    suite: Suite
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=MAX_GUARDED_LABELS)] = (
        PRODUCTION,
    )
