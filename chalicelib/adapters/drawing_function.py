"""Drawing by the function `generate_image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError

from chalicelib.adapters.call_bounds import wait_seconds
from chalicelib.adapters.function_answers import asked
from chalicelib.contracts.drawing import GenerateImageRequest, GenerateImageResult
from chalicelib.errors import Conflict, InvalidInput, ModelFailure

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.contracts.generations import ImageCall


class DrawFunction:
    """The function, asked once: who asks knows what may be done where it does not answer."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask by the `client` that waits for so many seconds, `seconds` at most."""
        self._client = client
        self._name = name
        self._seconds = seconds

    def draw(
        self, model: str, call: ImageCall, correlation_id: str, seconds: float | None
    ) -> GenerateImageResult:
        """Return the pictures of `call`, all of them.

        Raises `InvalidInput` for what the function does not take, and otherwise as
        `EmbedFunction.embed` does.
        """
        given = call.model_dump(exclude={"task"})
        try:
            request = GenerateImageRequest(model=model, correlation_id=correlation_id, **given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            field = str(first["loc"][0])
            raise InvalidInput(f"{field}: {first['msg']}.", field=field) from error
        client = self._client(wait_seconds(seconds, self._seconds))
        try:
            result = asked(client, self._name, request, "drawing", GenerateImageResult)
        except Conflict as error:
            error.field = "model"  # an error of Lambda's has a type and a message and no more
            raise
        if len(result.images) != call.count:
            raise ModelFailure(
                f"The drawing function gave {len(result.images)} pictures and not {call.count}."
            )
        return result
