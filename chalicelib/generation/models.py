"""The models that answer calls: backends, limits, abilities, lifecycle and fallbacks.

They are entries of `models/served.json`, so that a further model needs no code. Prices are in the
catalogue, under the units that `ServedModel.price_unit` names; a price by another route, by flex or
in a batch is a factor here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.contracts.generations import GenerationTask


_ARN_PREFIX = re.compile(r"arn:[^:]+:bedrock:[^:]*:[^:]*:(foundation-model|inference-profile)/")


_PROFILE_PREFIX = re.compile(r"^(us|us-gov|eu|apac|jp|au|ca|global)\.")


def geography(region: str) -> str:
    """Return the geography of a region: `us`, `eu`, `ap`, `us-gov`."""
    return "us-gov" if region.startswith("us-gov-") else region.partition("-")[0]


def foundation_model_id(model_id: str) -> str:
    """Return the foundation model's id within an id, profile id or ARN of Bedrock."""
    return _PROFILE_PREFIX.sub("", id_within_arn(model_id))


def id_within_arn(model_id: str) -> str:
    """Return the id or profile id within an ARN of Bedrock, or `model_id` itself."""
    return _ARN_PREFIX.sub("", model_id)


AUTO = "auto"
"""The model name by which a caller asks for the cheapest eligible model."""

Ability = Literal["tools", "tool_choice", "json", "json_schema", "streams", "walks", "translates"]
"""`tool_choice`: it can be made to call a tool. `json`: it writes JSON if the prompt asks for it.
`json_schema`: its API enforces a schema. `walks`: it draws the images between two seeds.
`translates`: it writes speech of any language in English.
"""

Modality = Literal["text", "image", "audio", "embedding", "labels", "spans", "scores"]
Reach = Literal["region", "geography", "global"]
"""How far from the calling region a call may be processed."""

BedrockApi = Literal["converse", "invoke"]
LifecycleStatus = Literal["active", "legacy", "ended"]

GLOBAL_PROFILE = "global"
_OWN_SERVER = "a server of its own"
_REACHES: Mapping[Reach, int] = {"region": 0, "geography": 1, "global": 2}


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """One way to call a model: the id, the region to call, and the factor of the price."""

    model_id: str
    region: str
    reach: Reach
    price_factor: Decimal


@dataclass(frozen=True, slots=True)
class InferenceProfile:
    """An inference profile: its id, the regions that may call it, the factor of the price."""

    id: str
    regions: frozenset[str]
    price_factor: Decimal


@dataclass(frozen=True, slots=True)
class BedrockBackend:
    """A model on Bedrock; `regions` accept its own id, `profiles` are regional or global.

    `schema` names the body that `chalicelib/generation/bodies` writes.
    """

    model_id: str
    api: BedrockApi
    schema: str
    regions: frozenset[str]
    region_price_factor: Decimal
    profiles: Mapping[str, InferenceProfile]
    kind: Literal["bedrock"] = "bedrock"

    def route(self, region: str, reach: Reach = "geography") -> ModelRoute | None:
        """Return the cheapest route within `reach` of `region`, then the nearest, or None."""
        ways = [way for way in self._routes(region) if _REACHES[way.reach] <= _REACHES[reach]]
        return min(ways, key=lambda way: (way.price_factor, _REACHES[way.reach]), default=None)

    def price_factor(self, model_id: str) -> Decimal:
        """Return the factor of the price for a call to `model_id`, an id or profile of this one."""
        for profile in self.profiles.values():
            if profile.id == model_id:
                return profile.price_factor
        return self.region_price_factor

    def _routes(self, region: str) -> list[ModelRoute]:
        routes = []
        if region in self.regions:
            routes.append(ModelRoute(self.model_id, region, "region", self.region_price_factor))
        for name, profile in self.profiles.items():
            if region in profile.regions:
                reach: Reach = "global" if name == GLOBAL_PROFILE else "geography"
                routes.append(ModelRoute(profile.id, region, reach, profile.price_factor))
        return routes


@dataclass(frozen=True, slots=True)
class EndpointBackend:
    """A model behind an endpoint of SageMaker that the stage runs; `schema` names its body.

    `weights_tenant` is the tenant whose rollouts move the weights of the endpoint's variants.
    """

    endpoint: str
    schema: str
    asynchronous: bool = False
    weights_tenant: str = ""
    kind: Literal["endpoint"] = "endpoint"

    def route(self, region: str, reach: Reach = "geography") -> ModelRoute | None:
        """Return its only route, in the stage's own region."""
        return ModelRoute(self.endpoint, region, "region", Decimal(1))


@dataclass(frozen=True, slots=True)
class FunctionBackend:
    """A model in a Lambda function of ours.

    A call costs what Lambda costs for `memory_mb` and its seconds: estimated before the call from
    `call_seconds` and the rates of tokens (read and written), images and seconds of sound, and
    measured after it. A rate is 0 where it does not apply. `recipes` are the training
    recipes whose versions it may serve. `template` is the prompt that the model was trained on,
    with the text in place of `{}`; without one, the text is read as it is. `chat` says that
    versions read conversations by their own chat template.
    """

    function: str
    memory_mb: int
    tokens_per_second: int = 0
    images_per_second: int = 0
    audio_seconds_per_second: int = 0
    call_seconds: int = 0
    recipes: tuple[str, ...] = ()
    template: str = ""
    chat: bool = False
    kind: Literal["function"] = "function"

    def route(self, region: str, reach: Reach = "geography") -> ModelRoute | None:
        """Return its only route, in the stage's own region."""
        return ModelRoute(self.function, region, "region", Decimal(1))


@dataclass(frozen=True, slots=True)
class OpenAiBackend:
    """A model behind a server of OpenAI's API, which an operator named.

    `url` is the base to which `/chat/completions` is added. `secret` names the key in Secrets
    Manager, empty if the server takes none. `reach` is how far away it may process a call. `schema`
    names its body.
    """

    url: str
    model_id: str
    schema: str
    secret: str = ""
    reach: Reach = "region"
    kind: Literal["openai"] = "openai"

    def route(self, region: str, reach: Reach = "geography") -> ModelRoute | None:
        """Return its only route, or None if the server may be too far away.

        Its address is told to operators alone.
        """
        if _REACHES[self.reach] > _REACHES[reach]:
            return None
        return ModelRoute(self.model_id, _OWN_SERVER, self.reach, Decimal(1))


@dataclass(frozen=True, slots=True)
class TranscribeBackend:
    """Amazon Transcribe, by batch jobs: for recordings that are documents, and for no calls.

    It is in `regions`. A job is billed by the second, `min_seconds` of them at least, and takes
    `max_seconds` of sound.
    """

    regions: frozenset[str]
    min_seconds: int
    max_seconds: int
    kind: Literal["transcribe"] = "transcribe"

    def route(self, region: str, reach: Reach = "geography") -> ModelRoute | None:
        """Return its only route, in the stage's own region, or None where the service is not."""
        if region not in self.regions:
            return None
        return ModelRoute("StartTranscriptionJob", region, "region", Decimal(1))


ModelBackend = (
    BedrockBackend | EndpointBackend | FunctionBackend | OpenAiBackend | TranscribeBackend
)


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """The limits of a model; 0 and () if one does not apply.

    `context_tokens` counts prompt and answer together; for an embedding model, one text.
    `passage_tokens` is how many tokens of passages it makes good use of. `tool_tokens` is the most
    that its provider adds to a prompt with tools, beside the tools themselves. `texts` and `images`
    are those of one request. `dimensions` are those that can be asked for, the default first.
    """

    context_tokens: int = 0
    output_tokens: int = 0
    passage_tokens: int = 0
    tool_tokens: int = 0
    texts: int = 0
    images: int = 0
    dimensions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The lifecycle of a model.

    AWS keeps it at least until `not_before`. An account cannot start to use a legacy model; calls
    fail from the day `ends` on.
    """

    status: Literal["active", "legacy"]
    launched: date | None = None
    not_before: date | None = None
    ends: date | None = None

    def status_on(self, day: date) -> LifecycleStatus:
        """Return the status on `day`."""
        return "ended" if self.ends is not None and day >= self.ends else self.status


@dataclass(frozen=True, slots=True)
class BatchOffer:
    """Batch jobs of a model: the factor of the price, and the fewest items of a job."""

    price_factor: Decimal
    min_items: int


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model that answers calls.

    `tier` is our judgement of its quality, from 1 to 5. `refuses` are parameters that it does not
    accept and that are left out; `a+b` means not both, and a is kept. `fallbacks` are tried in its
    place, in order. Above `long_prompt_tokens`, all tokens have the prices of long prompts. `local`
    is the catalogue's model that stands in for it in the local cloud, empty where none does.
    `specialty` is the one kind of thing that it makes, such as digits; such a model is only used
    when asked for by name. `aliases` are further names, such as those that OpenAI's clients send.
    `queue` names the process that works off its calls one after the other, where it shares that
    with other models; empty where its capacity is its own.
    """

    name: str
    title: str
    provider: str
    task: GenerationTask
    tier: int
    licence: str
    backend: ModelBackend
    limits: ModelLimits
    inputs: frozenset[Modality]
    outputs: frozenset[Modality]
    abilities: frozenset[Ability]
    refuses: tuple[str, ...]
    fallbacks: tuple[str, ...]
    lifecycle: Lifecycle
    batch: BatchOffer | None = None
    flex: Decimal | None = None
    long_prompt_tokens: int = 0
    local: str = ""
    notes: str = ""
    specialty: str = ""
    aliases: tuple[str, ...] = ()
    queue: str = ""

    @property
    def capacity(self) -> str:
        """Return the name of the capacity that calls take: its queue's, or else its own."""
        return self.queue or self.name

    @property
    def priced_as(self) -> str:
        """Return the prefix of its price units, which receipts name: `bedrock.` and an id."""
        if isinstance(self.backend, BedrockBackend):
            return f"bedrock.{self.backend.model_id}"
        return "lambda" if isinstance(self.backend, FunctionBackend) else f"served.{self.name}"

    def price_unit(self, what: str) -> str:
        """Return the catalogue's unit for `what`: input_token, output_token or image.

        Each may have `long_` before it. One that is billed by sound has an audio_second.
        """
        return f"{self.priced_as}.{what}"


@dataclass(frozen=True, slots=True)
class ServedModels:
    """All models that answer calls, by name, in the order of the file."""

    models: Mapping[str, ServedModel] = field(default_factory=lambda: MappingProxyType({}))

    def model(self, name: str) -> ServedModel:
        """Return the model called `name`, by an alias or an id of Bedrock, or raise `NotFound`."""
        model = self.models.get(name) or self.by_alias(name) or self.by_bedrock_id(name)
        if model is None:
            known = ", ".join(sorted(self.models))
            raise NotFound(
                f"No model is served as {name!r}. There are: {known}; or {AUTO}.", field="model"
            )
        return model

    def by_alias(self, name: str) -> ServedModel | None:
        """Return the model that has `name` among its aliases."""
        return next((model for model in self.models.values() if name in model.aliases), None)

    def by_bedrock_id(self, model_id: str) -> ServedModel | None:
        """Return the model behind a Bedrock model id, inference profile id or ARN of either."""
        bare = foundation_model_id(model_id)
        for model in self.models.values():
            if isinstance(model.backend, BedrockBackend) and model.backend.model_id == bare:
                return model
        return None

    def models_in_function(self, function: str) -> tuple[str, ...]:
        """Return the names of the models that the Lambda function `function` runs."""
        return tuple(
            name
            for name, model in self.models.items()
            if isinstance(model.backend, FunctionBackend) and model.backend.function == function
        )
