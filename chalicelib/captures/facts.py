"""The facts of an answered or failed call, as they are captured: one function a kind of answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from chalicelib.captures.failures import was_screened
from chalicelib.captures.refusals import is_refusal
from chalicelib.contracts.captures import DEFAULT_VERSION, CallOutcome, LeftOut
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    ClassifyCall,
    ClassifyOutput,
    EmbedCall,
    ImagePart,
    Output,
    ScoreOutput,
    TagCall,
    TagOutput,
    TextPart,
)
from chalicelib.contracts.receipts import Receipt, nanodollars
from chalicelib.contracts.speech import TranscribeCall, TranscribeOutput
from chalicelib.errors import HeadraceError

if TYPE_CHECKING:
    from chalicelib.contracts.answers import AskRequest, AskResponse
    from chalicelib.contracts.generations import Generation, Terms
    from chalicelib.contracts.prompt_runs import PromptRun, RunPromptRequest


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The request, answer and figures of a call to be captured, before they are masked.

    `request` is the request as JSON, and `asked` the text in it that a person wrote.
    """

    version: str
    request: Mapping[str, JsonValue]
    asked: str
    output: str = ""
    outcome: CallOutcome = "ok"
    error_type: str = ""
    receipt: Receipt = field(default_factory=Receipt)
    answer_id: str = ""
    cited: bool | None = None
    unsupported: bool | None = None
    label: str = ""
    left_out: tuple[LeftOut, ...] = ()


def generation_facts(call: Call, terms: Terms, generation: Generation) -> CallFacts:
    """Return the facts of a model's answer."""
    output = generation.output
    text = output_text(output)
    return CallFacts(
        version=generation.answered_by or generation.model,
        request=_model_request(call, terms),
        asked=asked_text(call),
        output=text,
        outcome="refused" if _declines(output) else "ok",
        receipt=generation.receipt,
        answer_id=generation.generation_id,
        label=_label(output),
        left_out=_left_out(call),
    )


def failed_generation_facts(call: Call, terms: Terms, error: HeadraceError) -> CallFacts:
    """Return the facts of a call that no model answered."""
    return CallFacts(
        version="",
        request=_model_request(call, terms),
        asked=asked_text(call),
        left_out=_left_out(call),
        **_failure(error),
    )


def run_facts(version: int, request: RunPromptRequest, run: PromptRun) -> CallFacts:
    """Return the facts of a prompt's run."""
    return CallFacts(
        version=str(version),
        request=_run_request(request),
        asked=variables_text(request.variables),
        output=run.output,
        outcome="refused" if is_refusal(run.output) else "ok",
        receipt=run.receipt,
        answer_id=run.run_id,
        left_out=("images",) if run.images is not None else (),
    )


def failed_run_facts(version: int, request: RunPromptRequest, error: HeadraceError) -> CallFacts:
    """Return the facts of a prompt's run that failed."""
    return CallFacts(
        version=str(version),
        request=_run_request(request),
        asked=variables_text(request.variables),
        **_failure(error),
    )


def ask_facts(
    request: AskRequest, answer: AskResponse, version: str = DEFAULT_VERSION
) -> CallFacts:
    """Return the facts of an answer from documents; one that was not found is a refusal."""
    answered = answer.outcome == "answered"
    unsupported = any(claim.unsupported for claim in answer.claims)
    return CallFacts(
        version=version,
        request=_body(request),
        asked=request.question,
        output=answer.answer,
        outcome="ok" if answered else "refused",
        receipt=answer.receipt,
        answer_id=answer.answer_id,
        cited=bool(answer.citations) and not unsupported if answered else None,
        unsupported=unsupported if answered else None,
    )


def failed_ask_facts(
    request: AskRequest, error: HeadraceError, version: str = DEFAULT_VERSION
) -> CallFacts:
    """Return the facts of a question that could not be answered for an error."""
    return CallFacts(
        version=version, request=_body(request), asked=request.question, **_failure(error)
    )


def asked_text(call: Call) -> str:
    """Return the text of a call that a user wrote: of a chat, the text of its last user turn."""
    if isinstance(call, ChatCall):
        for message in reversed(call.messages):
            if message.role == "user":
                return "\n".join(p.text for p in message.content if isinstance(p, TextPart))
        return ""
    if isinstance(call, EmbedCall | ClassifyCall | TagCall):
        return "\n".join(call.texts)
    return call.prompt


def output_text(output: Output) -> str:
    """Return an output as text: of a chat or of speech, or JSON of labels, spans or scores.

    It is "" of vectors and pictures.
    """
    if isinstance(output, TranscribeOutput):
        return output.transcript.text
    if isinstance(output, ChatOutput):
        if output.text or not output.tool_calls:
            return output.text
        return output.model_dump_json(include={"tool_calls"})
    if isinstance(output, ClassifyOutput | TagOutput | ScoreOutput):
        return output.model_dump_json(exclude={"task"})
    return ""


def variables_text(variables: Mapping[str, Any]) -> str:
    """Return the texts among the variables of a prompt, in the order of their names."""
    return "\n".join(
        value for _, value in sorted(variables.items()) if isinstance(value, str) and value
    )


def _failure(error: HeadraceError) -> dict[str, Any]:
    return {
        "outcome": "refused" if was_screened(error) else "error",
        "error_type": type(error).__name__,
        "receipt": error.receipt or Receipt(),
    }


def _declines(output: Output) -> bool:
    if not isinstance(output, ChatOutput):
        return False
    return output.finish == "content_filter" or is_refusal(output.text)


def _label(output: Output) -> str:
    if not isinstance(output, ClassifyOutput) or not output.shares:
        return ""
    shares = output.shares[0]
    return output.labels[max(range(len(shares)), key=shares.__getitem__)]


def _left_out(call: Call) -> tuple[LeftOut, ...]:
    if isinstance(call, TranscribeCall):
        return ("sound",)
    return ("images",) if _has_images(call) else ()


def _has_images(call: Call) -> bool:
    if isinstance(call, ChatCall):
        return any(isinstance(p, ImagePart) for message in call.messages for p in message.content)
    return isinstance(call, EmbedCall | ClassifyCall) and bool(call.images)


def _model_request(call: Call, terms: Terms) -> dict[str, JsonValue]:
    """Return a call and its terms as JSON, without pictures and sound."""
    body: dict[str, Any] = call.model_dump(
        mode="json", exclude_defaults=True, exclude={"images", "sound"}
    )
    body["task"] = call.task
    if isinstance(call, ChatCall):
        body["messages"] = [
            {
                "role": message.role,
                "content": [
                    {"type": part.type, **part.model_dump(mode="json", exclude={"type"})}
                    for part in message.content
                    if not isinstance(part, ImagePart)
                ],
            }
            for message in call.messages
        ]
    return {"call": body, "terms": terms.model_dump(mode="json", exclude_defaults=True)}


def _run_request(request: RunPromptRequest) -> dict[str, JsonValue]:
    return {"variables": request.model_dump(mode="json", include={"variables"})["variables"]}


def _body(request: AskRequest) -> dict[str, JsonValue]:
    body: dict[str, JsonValue] = request.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_unset=True, exclude={"end_user"}
    )
    return body


def receipt_nanodollars(receipt: Receipt) -> int:
    """Return what a receipt says that a call cost, in nano-dollars."""
    return nanodollars(receipt.dollars)
