"""Chats by the function `complete_text`, whose models go on with one text and know no turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.model_function import ModelFunction, chat_reply, only
from chalicelib.contracts.completing import CompleteTextRequest, CompleteTextResult
from chalicelib.contracts.generations import Call, ChatCall, Reply, TextPart
from chalicelib.errors import InvalidInput
from chalicelib.generation.served import FunctionBackend

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import Asking
    from chalicelib.generation.served import ServedModel

_SAMPLING = ("temperature", "top_p", "seed")


class CompleteFunction:
    """What goes on with texts by language models that the stage trained."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "completing")

    def answer(self, model: ServedModel, call: Call, asking: Asking) -> Reply:
        """Return what follows the one text of a chat, and raise as `AnsweringFunction.answer` does.

        The text stands where the model's template has its place. Without a temperature it is gone
        on with by the likeliest tokens.
        """
        wanted = only(ChatCall, model, call)
        given: dict[str, Any] = {
            "model": model.name,
            "prompt": _prompt(model, _text(model, wanted)),
            "max_tokens": wanted.max_tokens,
            "stop": wanted.stop,
        }
        sampling = {name: getattr(wanted, name) for name in _SAMPLING}
        given |= {name: value for name, value in sampling.items() if value is not None}
        result = self._function.ask(CompleteTextRequest, given, CompleteTextResult, asking)
        return chat_reply(model, result)


def _text(model: ServedModel, call: ChatCall) -> str:
    """Return the one text that a model of ours can go on with."""
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
    texts = [part.text for part in message.content if isinstance(part, TextPart)]
    if len(texts) != len(message.content):
        raise InvalidInput(f"{model.name} reads text and nothing else.", field="messages")
    return "\n".join(texts)


def _prompt(model: ServedModel, text: str) -> str:
    backend = model.backend
    template = backend.template if isinstance(backend, FunctionBackend) else ""
    return template.replace("{}", text.strip()) if template else text
