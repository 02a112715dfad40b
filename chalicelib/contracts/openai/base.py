"""Parts that OpenAI-compatible bodies share: reading of input, errors, usage."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from chalicelib.contracts.base import Contract, DeferredModel, HttpInput
from chalicelib.contracts.receipts import Dollars, Receipt
from chalicelib.contracts.screening import Finding


class OpenAIInput(DeferredModel):
    """A body that an OpenAI client sends: their fields grow, so what is not known is not read.

    Known fields that are not supported are refused by name, so that nobody relies on them.
    """

    model_config = ConfigDict(extra="ignore")


class ModelCallInput(OpenAIInput):
    """What every body has that calls a model: whom the call is for.

    `safety_identifier` is OpenAI's newer name of `user`. The same one stays in one arm of a rollout
    of the model; it is stored as a hash only.
    """

    user: str | None = None
    safety_identifier: str | None = None

    @property
    def end_user(self) -> str:
        """The end user, "" if the request names none."""
        return self.safety_identifier or self.user or ""


class ErrorObject(Contract):
    """The description of an error; `param` is the field at fault, `code` is for programs.

    `field`, `limit` and `request_id` are those of every other error of the API, so that who reads
    those reads these.
    """

    message: str
    type: str
    param: str | None = None
    code: str | None = None
    field: str | None = None
    limit: str | None = None
    request_id: str = ""


class ErrorResponse(Contract):
    """The body of every error of these routes."""

    error: ErrorObject


class CompletionUsage(Contract):
    """Tokens of a chat completion."""

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    total_tokens: int = Field(ge=0)


class Choosing(HttpInput):
    """Our additions to OpenAI's requests, under `headrace`: which models may answer.

    `quality` is the least tier of the catalogue, `budget` what all attempts together may cost in
    dollars, `checks` what an answer must stand, `fallback` whether another may take the place of
    the model that is named.
    """

    quality: int = Field(default=1, ge=1, le=5)
    budget: Dollars | None = None
    checks: tuple[str, ...] = ()
    fallback: bool = True


class Receipted(Contract):
    """Our additions to OpenAI's bodies: which models were tried, and the cost.

    `answered_by` is the model that says it answered; `plan` the choice of models in words.
    `findings` are what the screen found in the call and in the answer, and let pass or masked.
    """

    receipt: Receipt
    generation_id: str = ""
    answered_by: str = ""
    plan: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
