"""The backend of our Lambda functions, which run our own models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Reply
from chalicelib.errors import ModelFailure, Unsupported
from chalicelib.generation.streams import StreamEnd, TextDelta

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.models import ModelRoute, ServedModel
    from chalicelib.generation.streams import Delta


class AnsweringFunction(Protocol):
    """A Lambda function that answers calls."""

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return the answer; its `seconds` are those that the function reports.

        Raises:
            Throttled, Transient: it may be asked again, or no time is left.
            Unsupported: this function does not answer such calls.
            Conflict: the stage serves no version of the model.
            InvalidInput: it does not take the call.
            ModelFailure: it gave nothing usable.
        """


class TrainedFunction(AnsweringFunction, Protocol):
    """A Lambda function that answers by trained models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Invoke the function `name` by clients of a given timeout, `seconds` at most."""


class FunctionCaller:
    """Calls the functions of the stage, by their names in the catalogue."""

    def __init__(self, functions: Mapping[str, AnsweringFunction]) -> None:
        self._functions = functions

    def generate(
        self, model: ServedModel, route: ModelRoute, call: Call, asking: CallContext
    ) -> Reply:
        """Return the answer of the model's function.

        Raises as `AnsweringFunction.answer`, and `Unsupported` if the stage has no such function.
        """
        function = self._functions.get(route.model_id)
        if function is None:
            raise Unsupported(
                f"{model.name} is answered by a function that this stage has not:"
                f" {route.model_id}.",
                field="model",
            )
        return function.answer(model, call, asking)

    def stream(
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        """Yield the answer in one piece, once it is whole, as functions give no other; raises as
        `generate` does.
        """
        reply = self.generate(model, route, call, asking)
        output = reply.output
        if not isinstance(output, ChatOutput):
            raise ModelFailure(f"{model.name} answered a chat with {output.task}.")
        if output.text:
            yield TextDelta(output.text)
        yield StreamEnd(output.finish, reply.usage, reply.answered_by, reply.seconds)
