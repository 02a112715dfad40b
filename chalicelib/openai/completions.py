"""A generation as a chat completion, whole or in chunks.

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


def completion(generation: Generation, output: ChatOutput) -> ChatCompletion:
    """Return `generation`, whose output is `output`, as OpenAI's clients read it."""
    calls = tuple(
        ToolCallOut(id=call.id, function=FunctionOut(name=call.name, arguments=call.arguments))
        for call in output.tool_calls
    )
    said = output.text if output.text or not calls else None
    message = MessageOut(content=said, tool_calls=calls or None)
    return ChatCompletion(
        id=f"chatcmpl-{generation.generation_id}",
        created=int(generation.created_at.timestamp()),
        model=generation.model,
        choices=(Choice(message=message, finish_reason=output.finish),),
        usage=usage(generation.usage),
        headrace=receipted(generation),
    )


def usage(used: Usage) -> CompletionUsage:
    """Return tokens under OpenAI's names."""
    return CompletionUsage(
        prompt_tokens=used.tokens_in,
        completion_tokens=used.tokens_out,
        total_tokens=used.tokens_in + used.tokens_out,
    )


def receipted(generation: Generation) -> Receipted:
    """Return what we add: who answered, why that model, and what it cost."""
    return Receipted(
        receipt=generation.receipt,
        generation_id=generation.generation_id,
        answered_by=generation.answered_by,
        plan=generation.plan,
        findings=generation.findings,
    )


class Chunks:
    """The chunks of one streamed answer: they share an id, a time and a model's name."""

    def __init__(self, id_: str, created: int, model: str) -> None:
        """Begin a stream of which nothing is told yet; `model` is what was asked for."""
        self._id = id_
        self._created = created
        self._model = model

    def opening(self) -> ChatCompletionChunk:
        """Return the first chunk, which says who speaks."""
        return self._chunk(ChunkChoice(delta=DeltaOut(role="assistant", content="")))

    def piece(self, delta: TextDelta | ToolDelta) -> ChatCompletionChunk:
        """Return the chunk of a piece of the answer."""
        if isinstance(delta, TextDelta):
            return self._chunk(ChunkChoice(delta=DeltaOut(content=delta.text)))
        call = ToolCallDelta(
            index=delta.index,
            id=delta.id or None,
            type="function" if delta.id else None,
            function=FunctionDelta(name=delta.name or None, arguments=delta.arguments),
        )
        return self._chunk(ChunkChoice(delta=DeltaOut(tool_calls=(call,))))

    def ending(self, generation: Generation, output: ChatOutput) -> ChatCompletionChunk:
        """Return the chunk that says why the answer ended, who gave it, and what it cost."""
        return ChatCompletionChunk(
            id=self._id,
            created=self._created,
            model=generation.model,
            choices=(ChunkChoice(delta=DeltaOut(), finish_reason=output.finish),),
            headrace=receipted(generation),
        )

    def accounts(self, generation: Generation) -> ChatCompletionChunk:
        """Return the chunk with the tokens, which has no choices."""
        return ChatCompletionChunk(
            id=self._id,
            created=self._created,
            model=generation.model,
            choices=(),
            usage=usage(generation.usage),
        )

    def _chunk(self, choice: ChunkChoice) -> ChatCompletionChunk:
        return ChatCompletionChunk(
            id=self._id, created=self._created, model=self._model, choices=(choice,)
        )
