"""Conversion of a generation into a chat completion, whole or in chunks.

https://platform.openai.com/docs/api-reference/chat/object
https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.openai.base import CompletionUsage, Receipted
from chalicelib.contracts.openai.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    DeltaOut,
    FunctionDelta,
    FunctionOut,
    MessageOut,
    ToolCallDelta,
    ToolCallOut,
)
from chalicelib.generation.streams import TextDelta, ToolDelta

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ChatOutput, Generation, Usage


def chat_completion(generation: Generation, output: ChatOutput) -> ChatCompletion:
    """Return `generation`, whose output is `output`, as a chat completion."""
    calls = tuple(
        ToolCallOut(id=call.id, function=FunctionOut(name=call.name, arguments=call.arguments))
        for call in output.tool_calls
    )
    content = output.text if output.text or not calls else None
    message = MessageOut(content=content, tool_calls=calls or None)
    return ChatCompletion(
        id=f"chatcmpl-{generation.generation_id}",
        created=int(generation.created_at.timestamp()),
        model=generation.model,
        choices=(Choice(message=message, finish_reason=output.finish),),
        usage=completion_usage(generation.usage),
        headrace=generation_receipt(generation),
    )


def completion_usage(used: Usage) -> CompletionUsage:
    """Return tokens under OpenAI's names."""
    return CompletionUsage(
        prompt_tokens=used.tokens_in,
        completion_tokens=used.tokens_out,
        total_tokens=used.tokens_in + used.tokens_out,
    )


def generation_receipt(generation: Generation) -> Receipted:
    """Return the field `headrace`: the model that answered, the plan, and the receipt."""
    return Receipted(
        receipt=generation.receipt,
        generation_id=generation.generation_id,
        answered_by=generation.answered_by,
        plan=generation.plan,
        findings=generation.findings,
    )


class CompletionChunks:
    """Makes the chunks of one streamed completion, which share id, time and model."""

    def __init__(self, id_: str, created: int, model: str) -> None:
        """Begin a stream; `model` is the model that the request names."""
        self._id = id_
        self._created = created
        self._model = model

    def first(self) -> ChatCompletionChunk:
        """Return the first chunk, which has the role."""
        return self._chunk(ChunkChoice(delta=DeltaOut(role="assistant", content="")))

    def delta(self, delta: TextDelta | ToolDelta) -> ChatCompletionChunk:
        """Return the chunk of a piece of text or of a tool call."""
        if isinstance(delta, TextDelta):
            return self._chunk(ChunkChoice(delta=DeltaOut(content=delta.text)))
        call = ToolCallDelta(
            index=delta.index,
            id=delta.id or None,
            type="function" if delta.id else None,
            function=FunctionDelta(name=delta.name or None, arguments=delta.arguments),
        )
        return self._chunk(ChunkChoice(delta=DeltaOut(tool_calls=(call,))))

    def last(self, generation: Generation, output: ChatOutput) -> ChatCompletionChunk:
        """Return the last chunk, with the finish reason, the model and the receipt."""
        return ChatCompletionChunk(
            id=self._id,
            created=self._created,
            model=generation.model,
            choices=(ChunkChoice(delta=DeltaOut(), finish_reason=output.finish),),
            headrace=generation_receipt(generation),
        )

    def usage(self, generation: Generation) -> ChatCompletionChunk:
        """Return the chunk with the token counts, which has no choices."""
        return ChatCompletionChunk(
            id=self._id,
            created=self._created,
            model=generation.model,
            choices=(),
            usage=completion_usage(generation.usage),
        )

    def _chunk(self, choice: ChunkChoice) -> ChatCompletionChunk:
        return ChatCompletionChunk(
            id=self._id, created=self._created, model=self._model, choices=(choice,)
        )
