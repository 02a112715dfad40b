"""Operations of the API: inputs and responses of a route, declared beside its view.

The OpenAPI document and the gateway's validators are made of it when the project is built; at run
time only the names of query parameters are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from chalicelib.errors import HeadraceError


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: its name, what it is for, and the JSON Schema of one value."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Media:
    """An answer that is no JSON of a contract: its media type, and what it is.

    `events` are the contracts of server-sent events by their names, in the order they come in; ""
    is for those that have none. `whole` is the contract of the answer where no stream is asked for.
    """

    media_type: str
    description: str
    events: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    whole: type[BaseModel] | None = None


Answer = type[BaseModel] | Media | None
"""The type of a response's body; None if it has none."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    `answers` are the bodies by status. `form` is the multipart form that it takes in place of a
    JSON `body`. `errors` are those that this operation has beside the ones that any may have.
    `once` says that it honours `Idempotency-Key`. Of a body that is `checked_by_view_alone` the
    gateway looks at nothing, as what is no object has an answer of the view's own. Statuses of
    errors among the `answers` have bodies of their own.
    """

    tag: str
    answers: Mapping[int, Answer]
    body: type[BaseModel] | None = None
    body_may_be_left_out: bool = False
    checked_by_view_alone: bool = False
    form: type[BaseModel] | None = None
    query: tuple[Parameter, ...] = ()
    errors: tuple[type[HeadraceError], ...] = ()
    once: bool = False

    @property
    def query_names(self) -> frozenset[str]:
        """Return the names of the query parameters that are known."""
        return frozenset(parameter.name for parameter in self.query)


def limit_parameter(most: int) -> Parameter:
    """Return the parameter `limit`, which bounds a page to at most `most` items."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": most}
    return Parameter("limit", "How many items a page has at most.", schema)


CURSOR = Parameter(
    "cursor",
    "`next_cursor` of the page before; opaque, and bound to the other parameters.",
    {"type": "string", "minLength": 1, "maxLength": 512},
)
