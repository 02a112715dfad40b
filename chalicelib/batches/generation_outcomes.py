"""The outcome of a batch item that a model answered, in the form of its line.

Apart from the other outcomes, since an answer may have to keep to a JSON Schema, whose validator
only the functions that make answers carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chalicelib.batches.outcomes import (
    TRUNCATED,
    error_line,
    error_outcome,
    prompt_fields,
    response_line,
)
from chalicelib.contracts.batches import ItemError, ItemOutcome
from chalicelib.contracts.generations import ChatOutput, EmbedOutput, Generation
from chalicelib.contracts.openai.embeddings import EmbeddingRequest
from chalicelib.errors import InvalidInput, ModelFailure, NoAnswer
from chalicelib.openai.completions import chat_completion
from chalicelib.openai.embeddings import embedding_list
from chalicelib.prompts.replies import parse_answer

if TYPE_CHECKING:
    from chalicelib.batches.items import BatchItem


def generation_outcome(
    n: int, item: BatchItem, generation: Generation, *, keep_truncated: bool
) -> ItemOutcome:
    """Return the outcome of item `n`: a result, or an error if its answer was cut off."""
    output, accepts_truncated = generation.output, keep_truncated or item.keeps_truncated
    if isinstance(output, ChatOutput) and output.finish == "length" and not accepts_truncated:
        message = (
            "The answer was cut off at max_tokens; ask for more of them, or take what there is."
        )
        error = ItemError(type=TRUNCATED, message=message, field="max_tokens")
        line = {**error_line(n, item.id, item.form, error), **prompt_fields(item)}
        if item.form == "own":
            line["generation"] = _dump_generation(generation)
        return ItemOutcome(n=n, failed=True, line=line, receipt=generation.receipt)
    if item.reasons and isinstance(output, ChatOutput):
        try:
            generation = _without_thoughts(item, generation, output)
        except ModelFailure as error:
            no_answer = NoAnswer(error.message, usage=generation.usage)
            return error_outcome(n, item, no_answer, generation.receipt)
    line = _own_line(item, generation) if item.form == "own" else _openai_line(n, item, generation)
    return ItemOutcome(n=n, line=line, receipt=generation.receipt)


def _own_line(item: BatchItem, generation: Generation) -> dict[str, Any]:
    return {"id": item.id, **prompt_fields(item), "generation": _dump_generation(generation)}


def _without_thoughts(item: BatchItem, generation: Generation, output: ChatOutput) -> Generation:
    """Return an answer without the thoughts before it; raises like `parse_answer`."""
    answer = parse_answer(output.text, reasons=True, schema=item.output_schema)
    return generation.model_copy(update={"output": output.model_copy(update={"text": answer.text})})


def _dump_generation(generation: Generation) -> Mapping[str, Any]:
    return generation.model_dump(mode="json", exclude={"plan"})


def _openai_line(n: int, item: BatchItem, generation: Generation) -> dict[str, Any]:
    match generation.output:
        case ChatOutput() as output:
            body = chat_completion(generation, output).model_dump(mode="json")
        case EmbedOutput() as output:
            request = EmbeddingRequest(
                model=item.terms.model,
                input="",
                encoding_format="base64" if item.packs else "float",
            )
            body = embedding_list(generation, output, request).model_dump(mode="json")
        case _:
            raise InvalidInput("Pictures are not made by lines of OpenAI's form.", field="url")
    return response_line(n, item.id, HTTPStatus.OK, body)
