"""What became of an item, as the line that it is of the result, and what that cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.batches.results import failed_line, refused_line, response_line
from chalicelib.contracts.batches import ItemError, ItemOutcome
from chalicelib.contracts.generations import ChatOutput, EmbedOutput, Generation
from chalicelib.contracts.openai.embeddings import EmbeddingRequest
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, NoAnswer
from chalicelib.openai.completions import completion
from chalicelib.openai.embeddings import embedding_list
from chalicelib.prompting.replies import answer_of

if TYPE_CHECKING:
    from chalicelib.batches.lines import Item

TRUNCATED = "Truncated"
_OK = 200
_NOTHING_SPENT = Receipt()


def outcome(n: int, item: Item, generation: Generation, *, keep_truncated: bool) -> ItemOutcome:
    """Return what became of item `n`: a result, or an error where its answer was cut off."""
    output, keeps = generation.output, keep_truncated or item.keeps_truncated
    if isinstance(output, ChatOutput) and output.finish == "length" and not keeps:
        message = (
            "The answer was cut off at max_tokens; ask for more of them, or take what there is."
        )
        error = ItemError(type=TRUNCATED, message=message, field="max_tokens")
        line = {**failed_line(n, item.id, item.form, error), **_by_prompt(item)}
        if item.form == "own":
            line["generation"] = _told(generation)
        return ItemOutcome(n=n, failed=True, line=line, receipt=generation.receipt)
    if item.reasons and isinstance(output, ChatOutput):
        try:
            generation = _without_thoughts(item, generation, output)
        except ModelFailure as error:
            told = NoAnswer(error.message, usage=generation.usage)
            return failure(n, item, told, generation.receipt)
    line = _own(item, generation) if item.form == "own" else _openai(n, item, generation)
    return ItemOutcome(n=n, line=line, receipt=generation.receipt)


def failure(
    n: int, item: Item, error: HeadraceError, receipt: Receipt = _NOTHING_SPENT
) -> ItemOutcome:
    """Return that item `n` failed by `error`, as the form of its line tells it, and what was spent
    on it all the same. OpenAI's form has no place for that.
    """
    line = {**refused_line(n, item.id, item.form, error), **_by_prompt(item)}
    if item.form == "own" and receipt.lines:
        line["receipt"] = receipt.model_dump(mode="json")
    return ItemOutcome(n=n, failed=True, line=line, receipt=receipt)


def abandoned(n: int, receipt: Receipt) -> ItemOutcome:
    """Return what was spent on item `n`, of which nothing came yet."""
    return ItemOutcome(n=n, failed=True, line={}, receipt=receipt)


def _own(item: Item, generation: Generation) -> dict[str, Any]:
    return {"id": item.id, **_by_prompt(item), "generation": _told(generation)}


def _by_prompt(item: Item) -> dict[str, Any]:
    """Return what the line of an item says of the prompt that it was rendered by."""
    return {} if item.prompt is None else {"prompt": item.prompt.model_dump()}


def _without_thoughts(item: Item, generation: Generation, output: ChatOutput) -> Generation:
    """Return an answer without the thoughts that stand before it; raises as `answer_of` does."""
    answer = answer_of(output.text, reasons=True, schema=item.output_schema)
    return generation.model_copy(update={"output": output.model_copy(update={"text": answer.text})})


def _told(generation: Generation) -> Mapping[str, Any]:
    return generation.model_dump(mode="json", exclude={"plan"})


def _openai(n: int, item: Item, generation: Generation) -> dict[str, Any]:
    match generation.output:
        case ChatOutput() as output:
            body = completion(generation, output).model_dump(mode="json")
        case EmbedOutput() as output:
            asked = EmbeddingRequest(
                model=item.terms.model,
                input="",
                encoding_format="base64" if item.packs else "float",
            )
            body = embedding_list(generation, output, asked).model_dump(mode="json")
        case _:
            raise InvalidInput("Pictures are not made by lines of OpenAI's form.", field="url")
    return response_line(n, item.id, _OK, body)
