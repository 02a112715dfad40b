"""The items of a Map: from state input or a source's bytes, selected and batched.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from localcloud.stepfunctions.language.states import ReaderConfig
from localcloud.stepfunctions.language.values import Json, JsonObject


def from_input(value: Json) -> list[Json]:
    """Return the items of a state's input: an array's, or an object's as `{"Key", "Value"}`.

    Raises `StatesError` (`States.Runtime`) for anything else.
    """
    raise NotImplementedError


def read(config: ReaderConfig, body: BinaryIO, max_items: int | None = None) -> Iterator[Json]:
    """Yield the items of an object's body: JSON, JSONL or CSV.

    Raises `StatesError` (`States.ItemReaderFailed`) for a malformed source.
    """
    raise NotImplementedError


def context_for(context: JsonObject, index: int, item: Json) -> JsonObject:
    """Return `context` with `Map.Item.Index`, `Value`, and `Key` where the item has one."""
    raise NotImplementedError


def batches(
    items: Iterable[Json],
    max_items: int | None = None,
    max_bytes: int | None = None,
    batch_input: Json = None,
) -> Iterator[JsonObject]:
    """Yield `{"BatchInput": …, "Items": […]}`; `BatchInput` is left out when it is None.

    Raises `StatesError` (`States.DataLimitExceeded`) if one item alone does not fit.
    """
    raise NotImplementedError


def failures_tolerated(
    failed: int, total: int, max_count: int | None, max_percentage: float | None
) -> bool:
    """Return whether a Map with `failed` of `total` items may go on."""
    raise NotImplementedError
