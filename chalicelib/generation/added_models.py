"""Models that an operator added to a stage, beside those of the catalogue's files. Pure.

An added model is an entry of the format of `models/served.json`, with its prices in that of
`models/catalogue.json`. All of a stage are one document in JSON, which every process that calls
models reads again after a few seconds.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from chalicelib.errors import HeadraceError
from chalicelib.generation.catalogue import UnitPrice, parse_price
from chalicelib.generation.model_file import parse_model
from chalicelib.generation.models import BedrockBackend, ServedModel, ServedModels
from chalicelib.generation.pricing import Prices

Entry = dict[str, Any]


class AddedModelsError(ValueError):
    """Raised for a document of added models that cannot be read."""


@dataclass(frozen=True, slots=True)
class AddedModels:
    """The added models of a stage, as entries of JSON.

    `models` and `prices` have the formats of the two files. `question_model` is the name of the
    model that words answers to questions on documents, empty for the stage's `ChatModelId`.
    """

    models: tuple[Entry, ...] = ()
    prices: tuple[Entry, ...] = ()
    question_model: str = ""

    def dump(self) -> str:
        """Return the document in JSON."""
        return json.dumps(
            {"models": self.models, "prices": self.prices, "question_model": self.question_model},
            ensure_ascii=False,
            separators=(",", ":"),
        )

    def has(self, name: str) -> bool:
        """Return whether a model called `name` was added."""
        return any(entry["name"] == name for entry in self.models)

    def secrets_of(self, name: str) -> tuple[str, ...]:
        """Return the names of the secrets that the model `name` has."""
        backends = (entry["backend"] for entry in self.models if entry["name"] == name)
        return tuple(backend["secret"] for backend in backends if backend.get("secret"))

    def with_model(
        self, model: Entry, prices: Iterable[Entry], *, for_questions: bool = False
    ) -> AddedModels:
        """Return the document with `model` and its prices, in place of one of the same name.

        With `for_questions` it words answers to questions; without, one that did does so no more.
        """
        rest = self.without(model["name"])
        return AddedModels(
            (*rest.models, model),
            (*rest.prices, *prices),
            model["name"] if for_questions else rest.question_model,
        )

    def without(self, name: str) -> AddedModels:
        """Return the document without the model `name`; questions go to `ChatModelId` again."""
        ids = (
            entry["backend"]["model_id"]
            for entry in self.models
            if entry["name"] == name and entry["backend"]["kind"] == "bedrock"
        )
        prefixes = (f"served.{name}.", *(f"bedrock.{each}." for each in ids))
        return AddedModels(
            tuple(entry for entry in self.models if entry["name"] != name),
            tuple(price for price in self.prices if not price["unit"].startswith(prefixes)),
            "" if self.question_model == name else self.question_model,
        )


def load_added_models(text: str) -> AddedModels:
    """Return the document that `dump` wrote. Raises `AddedModelsError` for another text."""
    try:
        written = json.loads(text)
        return AddedModels(
            tuple(written["models"]), tuple(written["prices"]), str(written["question_model"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AddedModelsError(f"The added models cannot be read: {error!r}") from error


@dataclass(frozen=True, slots=True)
class StageModels:
    """The models that a stage serves, with the prices of all.

    `question_model` is the added model that words answers on documents, empty for `ChatModelId`.
    """

    models: ServedModels
    prices: Prices
    question_model: str = ""


def merge_models(
    served: ServedModels, prices: Prices, added: AddedModels, *, shared_queues: bool
) -> StageModels:
    """Return the models of the files and the added ones; a name of the files stays theirs.

    With `shared_queues`, models of Bedrock with one local stand-in share the queue of its process.

    Raises:
        AddedModelsError: an entry cannot be read.
    """
    try:
        parsed = [parse_model(entry) for entry in added.models]
        more = [parse_price(price) for price in added.prices]
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise AddedModelsError(f"An added model cannot be read: {error!r}") from error
    own = served.models.values()
    models = {model.name: _queued(model) if shared_queues else model for model in own}
    for model in parsed:
        models.setdefault(model.name, model)
    all_prices: dict[str, UnitPrice] = {**{price.unit: price for price in more}, **prices}
    question_model = added.question_model if added.question_model in models else ""
    return StageModels(
        ServedModels(MappingProxyType(models)), MappingProxyType(all_prices), question_model
    )


FRESH_SECONDS = 10.0
"""How long what was read of the added models is used; each read is billed."""


@dataclass(slots=True)
class ModelReader:
    """Reads the models of a stage, and the added ones again once they are `FRESH_SECONDS` old.

    If they cannot be read, those that were read last stay, and `on_error` is called.
    """

    served: ServedModels
    prices: Prices
    read_added: Callable[[], AddedModels]
    shared_queues: bool
    monotonic: Callable[[], float]
    on_error: Callable[[HeadraceError], None]
    _added: AddedModels | None = None
    _merged: StageModels | None = None
    _read_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> StageModels:
        """Return the models; the same object as long as nothing changed."""
        with self._lock:
            now = self.monotonic()
            if self._merged is None or now - self._read_at >= FRESH_SECONDS:
                self._read_at = now
                self._merged = self._refreshed()
            return self._merged

    def _refreshed(self) -> StageModels:
        before = self._merged
        try:
            added = self.read_added()
            if before is not None and added == self._added:
                return before
            merged = self._merge(added)
        except HeadraceError as error:
            self.on_error(error)
        except AddedModelsError as error:
            self.on_error(HeadraceError(str(error)))
        else:
            self._added = added
            return merged
        return before or self._merge(AddedModels())

    def _merge(self, added: AddedModels) -> StageModels:
        return merge_models(self.served, self.prices, added, shared_queues=self.shared_queues)


def _queued(model: ServedModel) -> ServedModel:
    """Return a model of Bedrock in the queue of the process that stands in for it."""
    if not isinstance(model.backend, BedrockBackend) or model.queue or not model.local:
        return model
    return replace(model, queue=model.local)


def priced_entries(name: str, dollars: Mapping[str, str], day: str, source: str) -> list[Entry]:
    """Return prices of the model `name` in the catalogue's format, of `dollars` by kind of unit."""
    return [
        {"unit": f"served.{name}.{kind}", "dollars": amount, "date": day, "source": source}
        for kind, amount in dollars.items()
    ]
