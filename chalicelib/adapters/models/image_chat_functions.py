"""Conversations about pictures, answered by the functions `caption_image` and `answer_image`.

Both take less than a chat is: a picture in the last turn, and no instructions. What else is there
is refused, and not left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.models.function_client import ModelFunction, chat_reply, require_call
from chalicelib.adapters.models.image_functions import encode_images
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ImagePart,
    Message,
    Reply,
    TextPart,
)
from chalicelib.contracts.vision import AnswerImageRequest, CaptionImageRequest, ImageTextResult
from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.models import ServedModel


class CaptionImageFunction:
    """The Lambda function that captions pictures by trained models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "captioning")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return a caption, and raise as `AnsweringFunction.answer` does."""
        wanted = _plain(require_call(ChatCall, model, call), model)
        if len(wanted.messages) > 1:
            raise InvalidInput(
                f"{model.name} captions 1 picture, without other turns; leave those out.",
                field="messages",
                limit="1 picture",
            )
        picture, said = _picture(wanted.messages[0], 0, model)
        if said:
            raise InvalidInput(
                f"{model.name} captions pictures and takes no words; ask another model.",
                field="messages.0",
            )
        (image,) = encode_images([picture], "messages.0")
        given = {"model": model.name, "image": image, "max_tokens": wanted.max_tokens}
        result = self._function.ask(CaptionImageRequest, given, ImageTextResult, asking)
        return chat_reply(model, result)


class AnswerImageFunction:
    """The Lambda function that answers questions about pictures by trained models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "answering")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return the answer to the last turn, and raise as `AnsweringFunction.answer` does. The
        turns before, each a picture and its answer, show what is asked.
        """
        wanted = _plain(require_call(ChatCall, model, call), model)
        turns = list(enumerate(wanted.messages))
        seen = [_picture(turn, at, model) for at, turn in turns if turn.role == "user"]
        answers = [_words(turn, at, model) for at, turn in turns if turn.role == "assistant"]
        pictures = encode_images([picture for picture, _ in seen], "messages")
        *before, question = (said for _, said in seen)
        if any(before):
            raise InvalidInput(
                f"{model.name} answers one question: earlier turns may hold pictures and their"
                " answers, and no words beside them.",
                field="messages",
            )
        given: dict[str, Any] = {
            "model": model.name,
            "image": pictures[-1],
            "question": question,
            "shots": _shots(pictures, answers),
            "max_tokens": wanted.max_tokens,
        }
        result = self._function.ask(AnswerImageRequest, given, ImageTextResult, asking)
        return chat_reply(model, result)


def _plain(call: ChatCall, model: ServedModel) -> ChatCall:
    """Return a call that ends with a user, without what none of these models takes."""
    if call.system:
        raise InvalidInput(f"{model.name} takes no instructions; leave system out.", field="system")
    if call.stop:
        raise InvalidInput(f"{model.name} takes no stop; leave it out.", field="stop")
    wanted = ["user" if at % 2 == 0 else "assistant" for at in range(len(call.messages))]
    if [turn.role for turn in call.messages] != wanted or wanted[-1] != "user":
        raise InvalidInput(
            "Turns alternate, and the user's are the first and the last.", field="messages"
        )
    return call


def _picture(turn: Message, at: int, model: ServedModel) -> tuple[ImagePart, str]:
    """Return the one picture of a user's turn, and what is said beside it."""
    pictures = [part for part in turn.content if isinstance(part, ImagePart)]
    if len(pictures) != 1:
        raise InvalidInput(
            f"messages.{at} has {len(pictures)} pictures, and {model.name} takes 1 in each turn of"
            " the user.",
            field=f"messages.{at}",
            limit="1 picture",
        )
    rest = [part for part in turn.content if not isinstance(part, ImagePart)]
    return pictures[0], _words(turn.model_copy(update={"content": tuple(rest)}), at, model)


def _words(turn: Message, at: int, model: ServedModel) -> str:
    texts = [part.text for part in turn.content if isinstance(part, TextPart)]
    if len(texts) != len(turn.content):
        raise InvalidInput(
            f"messages.{at} has something that {model.name} does not take: it reads words.",
            field=f"messages.{at}",
        )
    return " ".join(texts).strip()


def _shots(pictures: Sequence[bytes], answers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"image": picture, "answer": answer}
        for picture, answer in zip(pictures[:-1], answers, strict=True)
    ]
