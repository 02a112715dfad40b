"""What a family of models has: how a body asks, and how an answer is written, whole or streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.bedrock.answering import Event
from localcloud.bedrock.content import invalid

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """`asked` gives Converse's parameters for a body, `whole` the body of its answer, `streamed`
    the chunks of its stream, None where it can't be streamed; all without the model's id.
    """

    asked: Callable[[Body], Body]
    whole: Callable[[Mapping[str, Any], str], Body]
    streamed: Callable[[Iterator[Event], str], Iterator[Body]]


def malformed(message: str) -> Exception:
    """Return the refusal of a body."""
    return invalid(f"Malformed input request: {message}")


def only(body: Body, *names: str) -> None:
    """Refuse a body that has other members than `names`."""
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise malformed(f"extraneous key [{unknown[0]}] is not permitted.")


def required(body: Body, name: str) -> Any:
    """Return the member `name`. Raises ValidationException where it is missing."""
    if name not in body:
        raise malformed(f"required key [{name}] not found.")
    return body[name]


def given(**values: Any) -> Body:
    """Return those of `values` that are there."""
    return {name: value for name, value in values.items() if value is not None}


def text_of(answer: Mapping[str, Any]) -> str:
    """Return the text of an answer of Converse."""
    content = answer["output"]["message"]["content"]
    return "".join(block["text"] for block in content if "text" in block)
