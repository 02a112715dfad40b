"""The two kinds of contract.

A contract's validator is built when it is first used: each process uses a few of the many, and
building all of them is a tenth of a cold start.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, JsonValue, WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

AnyJson = Annotated[JsonValue, WithJsonSchema({"description": "Any JSON."})]

_BUILDING = threading.RLock()


def is_none(value: object) -> bool:
    """Return whether a value is None, for fields that are left out of what has none."""
    return value is None


class DeferredModel(BaseModel):
    """A model whose validator the first use builds, in one thread at a time.

    Pydantic's `model_rebuild` is not thread-safe: a second thread removes the validator that the
    first has just built, and a third then validates by that of the base class, which has no fields.
    https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        """Build the validator unless another thread has built it meanwhile."""
        with _BUILDING:
            return super().model_rebuild(
                force=force,
                raise_errors=raise_errors,
                _parent_namespace_depth=_parent_namespace_depth + 1,
                _types_namespace=_types_namespace,
            )


class Contract(DeferredModel):
    """A document between two of our processes: frozen, and deaf to fields it does not know."""

    model_config = ConfigDict(extra="ignore")


class HttpInput(DeferredModel):
    """The body of a request to our own API: frozen, and an unknown field is refused by name."""

    model_config = ConfigDict(extra="forbid")
