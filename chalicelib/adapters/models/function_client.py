"""A function of ours that runs models which the stage trained, asked once: who asks knows what may
be done where it does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from chalicelib.adapters.function_invocations import invoke_function
from chalicelib.adapters.models.call_limits import client_timeout
from chalicelib.contracts.base import Contract
from chalicelib.contracts.generations import ChatOutput, Reply, Usage
from chalicelib.errors import Conflict, InvalidInput, Unsupported

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.contracts.functions.complete_text import CompleteTextResult
    from chalicelib.contracts.generations import Call
    from chalicelib.contracts.vision import ImageTextResult
    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.models import ServedModel

_Request = TypeVar("_Request", bound=Contract)
_Result = TypeVar("_Result", bound=Contract)
_Call = TypeVar("_Call", bound=Contract)


@dataclass(frozen=True, slots=True)
class ModelFunction:
    """The function `name`, by the `client` that waits for so many seconds, `seconds` at most;
    `doing` is what it does, in a word.
    """

    client: Callable[[int], LambdaClient]
    name: str
    seconds: int
    doing: str

    def ask(
        self,
        request: type[_Request],
        given: Mapping[str, Any],
        result: type[_Result],
        asking: CallContext,
    ) -> _Result:
        """Return the `result` that answers the `request` made of what is `given`.

        Raises `InvalidInput` for what the function does not take, with the field, and otherwise as
        `EmbedFunction.embed` does.
        """
        try:
            made = request.model_validate(
                {
                    **given,
                    "correlation_id": asking.correlation_id,
                    "caller": asking.caller,
                    "variant": asking.variant,
                }
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            field = str(first["loc"][0])
            raise InvalidInput(f"{field}: {first['msg']}.", field=field) from error
        client = self.client(client_timeout(asking.seconds_left, self.seconds))
        try:
            return invoke_function(client, self.name, made, self.doing, result)
        except Conflict as error:
            error.field = "model"  # an error of Lambda's has a type and a message and no more
            raise


def require_call(kind: type[_Call], model: ServedModel, call: Call) -> _Call:
    """Return `call`, which has to be of the `kind` that a function answers.

    Raises:
        Unsupported: it is another.
    """
    if not isinstance(call, kind):
        raise Unsupported(f"{model.name} does not answer calls of {call.task}.", field="model")
    return call


def chat_reply(model: ServedModel, result: CompleteTextResult | ImageTextResult) -> Reply:
    """Return what a function wrote as the answer to a chat."""
    return Reply(
        model=model.name,
        answered_by=result.version,
        output=ChatOutput(text=result.text, finish=result.finish),
        usage=Usage(tokens_in=result.tokens_in, tokens_out=result.tokens_out),
        seconds=round(result.seconds, 6),
    )
