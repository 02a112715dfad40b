"""The body format of a family of models, and the checks that all formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.bedrock.answer_events import Event
from localcloud.bedrock.content import validation_error

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """How a family of models writes the bodies of InvokeModel.

    Attributes:
        parse_request: returns Converse's parameters for a request body, without the model id.
        render_response: returns the response body for Converse's result and a model id.
        render_stream: yields the chunks of a stream for Converse's events and a model id.
    """

    parse_request: Callable[[Body], Body]
    render_response: Callable[[Mapping[str, Any], str], Body]
    render_stream: Callable[[Iterator[Event], str], Iterator[Body]]


def malformed_request(message: str) -> Exception:
    """Return the ValidationException for a request body that is not valid."""
    return validation_error(f"Malformed input request: {message}")


def check_keys(body: Body, *names: str) -> None:
    """Raise ValidationException if the body has other keys than `names`."""
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise malformed_request(f"extraneous key [{unknown[0]}] is not permitted.")


def required_key(body: Body, name: str) -> Any:
    """Return the value of the key `name`. Raises ValidationException if it is missing."""
    if name not in body:
        raise malformed_request(f"required key [{name}] not found.")
    return body[name]


def without_none(**values: Any) -> Body:
    """Return the `values` that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def response_text(answer: Mapping[str, Any]) -> str:
    """Return the text of a result of Converse."""
    content = answer["output"]["message"]["content"]
    return "".join(block["text"] for block in content if "text" in block)
