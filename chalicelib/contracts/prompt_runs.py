"""A prompt run by its name: what is given for it, and what came of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import AnyJson, Contract, HttpInput
from chalicelib.contracts.generations import Attempt, ImageOutput
from chalicelib.contracts.names import EndUser
from chalicelib.contracts.prompts import LATEST, Label
from chalicelib.contracts.receipts import Receipt


class RunPromptRequest(HttpInput):
    """`POST /v1/prompts/{prompt}/runs`: `version` is a number, a label or `latest`.

    `model` takes the place of the one that the prompt names; `deadline` is when it has to be done.
    `end_user` is whom the run is for: the same one stays in one arm of a rollout of the label.
    """

    version: Annotated[int, Field(ge=1)] | Label = LATEST
    variables: dict[str, AnyJson] = Field(default_factory=dict)
    model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    deadline: AwareDatetime | None = None
    end_user: EndUser = ""


class PromptVerdict(Contract):
    """The verifier's verdict on the answer; `reason` is empty if it is accepted."""

    accepted: bool
    reason: str = ""


class PromptRun(Contract):
    """The result of a run.

    `output` is what the last turn said, `outputs` what each turn did, by its name; thoughts are cut
    off. A prompt that draws has `images` and no output. `attempts` and `receipt` are those of all
    turns, and of the verifier.
    """

    run_id: str
    created_at: AwareDatetime
    name: str
    version: int
    output: str
    outputs: dict[str, str]
    images: ImageOutput | None = None
    verdict: PromptVerdict | None = None
    attempts: tuple[Attempt, ...]
    receipt: Receipt
