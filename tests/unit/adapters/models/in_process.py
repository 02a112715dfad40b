"""Functions as Lambda runs them, without Lambda: JSON in, JSON out, errors by their names."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import HeadraceError


@dataclass
class InProcess:
    """A client whose one function is `handler`. `waits` are how long clients were asked to wait,
    `asked` what the function was given.
    """

    handler: Callable[[Any], Any]
    waits: list[int] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    def within(self, seconds: int) -> Any:
        """Return the client that waits so long."""
        self.waits.append(seconds)
        return self

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's names
        """Answer as Lambda does."""
        self.asked.append(json.loads(Payload))
        told: dict[str, Any] = {"StatusCode": 200}
        try:
            answer = self.handler(self.asked[-1])
        except HeadraceError as error:
            answer = {"errorType": type(error).__name__, "errorMessage": error.message}
            told["FunctionError"] = "Unhandled"
        return {**told, "Payload": io.BytesIO(json.dumps(answer).encode())}
