"""Chats by the function `complete_text`: of models with a chat template of their own, and of models
that go on with one text and know no turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.adapters.models.call_limits import remaining_seconds, with_earlier_usage
from chalicelib.adapters.models.function_client import ModelFunction, chat_reply, require_call
from chalicelib.contracts.functions.complete_text import CompleteTextRequest, CompleteTextResult
from chalicelib.contracts.functions.score_answer import ScoreAnswerRequest, ScoreAnswerResult
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    EmbedCall,
    EmbedOutput,
    Message,
    Reply,
    ScoreCall,
    ScoreOutput,
    TextPart,
    Usage,
)
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.generation.models import FunctionBackend

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.models import ServedModel


_SAMPLING = ("temperature", "top_p", "seed")


class CompleteTextFunction:
    """The Lambda function that completes texts by trained language models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "completing")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return the answer to a chat, and raise as `AnsweringFunction.answer` does.

        A model that reads conversations is given the messages. Another goes on with the one text,
        which stands where its template has its place. Without a temperature the likeliest tokens
        follow.
        """
        wanted = require_call(ChatCall, model, call)
        given: dict[str, Any] = {
            "model": model.name,
            **_input(model, wanted),
            "max_tokens": wanted.max_tokens,
            "stop": wanted.stop,
        }
        sampling = {name: getattr(wanted, name) for name in _SAMPLING}
        given |= {name: value for name, value in sampling.items() if value is not None}
        result = self._function.ask(CompleteTextRequest, given, CompleteTextResult, asking)
        return chat_reply(model, result)


def _input(model: ServedModel, call: ChatCall) -> dict[str, Any]:
    """Return the prompt of a call, or its messages for a model that reads conversations."""
    backend = model.backend
    if not isinstance(backend, FunctionBackend) or not backend.chat:
        return {"prompt": _prompt(model, _only_text(model, call))}
    system = [{"role": "system", "content": call.system}] if call.system else []
    turns = [
        {"role": message.role, "content": _message_text(model, message)}
        for message in call.messages
    ]
    return {"messages": [*system, *turns]}


def _message_text(model: ServedModel, message: Message) -> str:
    """Return the text of a message, which must have nothing else."""
    texts = [part.text for part in message.content if isinstance(part, TextPart)]
    if len(texts) != len(message.content):
        raise InvalidInput(f"{model.name} reads text and nothing else.", field="messages")
    return "\n".join(texts)


def _only_text(model: ServedModel, call: ChatCall) -> str:
    """Return the one text that a model without a notion of turns can go on with."""
    if call.system:
        raise InvalidInput(
            f"{model.name} goes on with a text and takes no instructions; leave system out.",
            field="system",
        )
    if len(call.messages) > 1:
        raise InvalidInput(
            f"{model.name} goes on with one text, and has no notion of turns; there are"
            f" {len(call.messages)}. Send one message.",
            field="messages",
            limit="1 message",
        )
    (message,) = call.messages
    return _message_text(model, message)


def _prompt(model: ServedModel, text: str) -> str:
    backend = model.backend
    template = backend.template if isinstance(backend, FunctionBackend) else ""
    return template.replace("{}", text.strip()) if template else text


class ScoreAnswerFunction:
    """The Lambda function that scores answers by trained reward models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "scoring")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return a score for each answer, and raise as `AnsweringFunction.answer` does."""
        wanted = require_call(ScoreCall, model, call)
        given = {"model": model.name, "prompt": wanted.prompt, "answers": wanted.answers}
        result = self._function.ask(ScoreAnswerRequest, given, ScoreAnswerResult, asking)
        if len(result.scores) != len(wanted.answers):
            raise ModelFailure(
                f"The scoring function gave {len(result.scores)} scores for"
                f" {len(wanted.answers)} answers.",
                seconds=result.seconds,
            )
        return Reply(
            model=model.name,
            answered_by=result.version,
            output=ScoreOutput(scores=result.scores),
            usage=Usage(tokens_in=result.tokens),
            seconds=round(result.seconds, 6),
        )


MAX_TEXTS_PER_CALL = 64
"""Texts that are embedded by one invocation."""


class TextEmbedder(Protocol):
    """A function that embeds texts."""

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        """Return one vector a text, in order; one that is too long is refused where it is not to
        `truncate`.
        """


class EmbedTextFunction:
    """The Lambda function that embeds texts, by the model in its bundle or one that was tuned."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return a vector a text, and raise as `AnsweringFunction.answer` does. An error tells what
        was used for the texts before.
        """
        wanted = require_call(EmbedCall, model, call)
        tuned = isinstance(model.backend, FunctionBackend) and bool(model.backend.recipes)
        name = model.name if tuned else ""
        if wanted.dimensions not in {None, *model.limits.dimensions}:
            known = ", ".join(map(str, model.limits.dimensions))
            raise InvalidInput(f"{model.name} has {known} dimensions.", field="dimensions")
        vectors: list[tuple[float, ...]] = []
        tokens, seconds, answered_by = 0, 0.0, ""
        began = time.monotonic()
        for first in range(0, len(wanted.texts), MAX_TEXTS_PER_CALL):
            texts = wanted.texts[first : first + MAX_TEXTS_PER_CALL]
            with with_earlier_usage(Usage(tokens_in=tokens), seconds):
                remaining_seconds(asking.seconds_left, time.monotonic() - began)
                result = self._embedder.embed(texts, asking.correlation_id, name, truncate=False)
            vectors += [tuple(map(float, vector)) for vector in result.vectors]
            tokens += result.tokens
            seconds += result.seconds
            answered_by = result.model
        return Reply(
            model=model.name,
            answered_by=answered_by,
            output=EmbedOutput(vectors=tuple(vectors)),
            usage=Usage(tokens_in=tokens),
            seconds=round(seconds, 6),
        )
