"""Derivation of the requirements that a model must meet to serve a call. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ClassifyCall,
    EmbedCall,
    GenerationTask,
    ImageCall,
    ImagePart,
    ServiceTier,
    Terms,
)
from chalicelib.contracts.receipts import nanodollars
from chalicelib.contracts.speech import TranscribeCall
from chalicelib.generation.adaptation import fits_bedrock_schema
from chalicelib.generation.check_names import SELF_CHECK
from chalicelib.generation.models import (
    AUTO,
    Ability,
    BedrockBackend,
    Modality,
    ModelRoute,
    Reach,
    ServedModel,
    geography,
)
from chalicelib.generation.tokens import (
    TokenLoad,
    has_called_tools,
    has_tools,
    max_load,
)

_PARAMETERS = (
    *("temperature", "top_p", "seed"),
    *("prompt", "negative_prompt", "steps", "guidance"),
)


NO_IMAGE_REGION = "none"
"""The image region of a stage that calls image models in its own region only."""


@dataclass(frozen=True, slots=True)
class CallRegion:
    """The region that a call is made from, and how far away it may be processed.

    `reach` bounds where it may be processed. `other_regions` are those that the stage may call if
    its own region lacks a model, the preferred first. `image_region` is where Bedrock's image
    models are called that the region lacks: "" for any region of the same geography, if `reach`
    allows that, and `none` for no other region.
    """

    region: str
    reach: Reach = "geography"
    other_regions: tuple[str, ...] = ()
    image_region: str = ""

    def route(self, model: ServedModel) -> ModelRoute | None:
        """Return the route by which `model` is called from here, None if there is none."""
        for region in (self.region, *self.other_regions, *self._image_regions(model)):
            route = model.backend.route(region, self.reach)
            if route is not None:
                return route
        return None

    def _image_regions(self, model: ServedModel) -> Sequence[str]:
        if model.task != "image" or not isinstance(model.backend, BedrockBackend):
            return ()
        if self.image_region:
            return () if self.image_region == NO_IMAGE_REGION else (self.image_region,)
        if self.reach == "region":
            return ()
        own = geography(self.region)
        return sorted(region for region in model.backend.regions if geography(region) == own)


@dataclass(frozen=True, slots=True)
class Requirements:
    """The requirements of a call for one of its `items`, which are alike.

    `load` is the most that one item uses, without what single models add: for tools, if there are
    any, and for JSON that a prompt asks for in words. `schema_by_bedrock` says that Bedrock's API
    could enforce the schema. `longest_tokens` are those of the longest text that the model reads at
    once, with its answer. `parameters` are the given ones that some models do not accept, of which
    a model must accept `required_parameters`. `budget`
    is in nano-dollars and bounds all items together. `allowed` are the names that the tenant may
    use, None for all. `max_bytes` is the limit of an answer's bytes, None for no limit.
    """

    task: GenerationTask
    call_region: CallRegion
    load: TokenLoad
    longest_tokens: int = 0
    abilities: frozenset[Ability] = frozenset()
    inputs: frozenset[Modality] = frozenset({"text"})
    dimensions: int | None = None
    parameters: frozenset[str] = frozenset()
    required_parameters: frozenset[str] = frozenset()
    model: str = AUTO
    quality: int = 1
    service_tier: ServiceTier = "standard"
    deadline: datetime | None = None
    budget: int | None = None
    fallback: bool = True
    allowed: frozenset[str] | None = None
    items: int = 1
    has_tools: bool = False
    asks_json: bool = False
    has_schema: bool = False
    schema_by_bedrock: bool = False
    vectors: int = 0
    pixels: int = 0
    max_bytes: int | None = None


def derive_requirements(
    call: Call,
    terms: Terms,
    call_region: CallRegion,
    *,
    items: int = 1,
    streams: bool = False,
    allowed: frozenset[str] | None = None,
    max_bytes: int | None = None,
) -> Requirements:
    """Return the requirements of `call` under `terms`; for a batch, of its largest item."""
    load, longest = max_load(call)
    json_output = call.json_output if isinstance(call, ChatCall) else None
    by_bedrock = json_output is not None and fits_bedrock_schema(json_output)
    return Requirements(
        task=call.task,
        call_region=call_region,
        load=load,
        longest_tokens=longest,
        abilities=_abilities(call, terms.checks, streams=streams, by_bedrock=by_bedrock),
        inputs=_inputs(call),
        dimensions=call.dimensions if isinstance(call, EmbedCall) else None,
        parameters=frozenset(
            name for name in _PARAMETERS if getattr(call, name, None) not in (None, "")
        ),
        required_parameters=frozenset(terms.required_parameters),
        model=terms.model,
        quality=terms.quality,
        service_tier=terms.service_tier,
        deadline=terms.deadline,
        budget=nanodollars(terms.budget) if terms.budget is not None else None,
        fallback=terms.fallback,
        allowed=allowed,
        items=items,
        has_tools=isinstance(call, ChatCall) and has_tools(call),
        asks_json=json_output is not None,
        has_schema=json_output is not None and json_output.json_schema is not None,
        schema_by_bedrock=by_bedrock,
        vectors=len(call.texts) + len(call.images) if isinstance(call, EmbedCall) else 0,
        pixels=call.count * call.width * call.height if isinstance(call, ImageCall) else 0,
        max_bytes=max_bytes,
    )


def _abilities(
    call: Call, checks: Sequence[str], *, streams: bool, by_bedrock: bool
) -> frozenset[Ability]:
    """Return the abilities that the model needs.

    Complete answers are validated by a JSON Schema in a check, and asked for once more if invalid;
    for a stream only the model's own API can enforce the schema, if it supports it. A model that
    checks its own answers must write its verdict as JSON.
    """
    needs: set[Ability] = {"streams"} if streams else set()
    needs |= {"json"} if SELF_CHECK in checks else set()
    if isinstance(call, ImageCall) and call.to_seed is not None:
        needs.add("walks")
    if isinstance(call, TranscribeCall) and call.translate:
        needs.add("translates")
    if not isinstance(call, ChatCall):
        return frozenset(needs)
    chooses = bool(call.tools) and call.tool_choice != "none"
    if chooses or has_called_tools(call):
        needs.add("tools")
    if chooses and call.tool_choice != "auto":
        needs.add("tool_choice")
    if call.json_output is not None:
        needs.add("json_schema" if streams and by_bedrock else "json")
    return frozenset(needs)


def _inputs(call: Call) -> frozenset[Modality]:
    if isinstance(call, TranscribeCall):
        return frozenset({"audio"})
    if isinstance(call, ClassifyCall) and call.images:
        return frozenset({"text", "image"})
    if isinstance(call, EmbedCall) and call.images:
        return frozenset({"image"})
    if isinstance(call, ChatCall) and any(
        isinstance(part, ImagePart) for message in call.messages for part in message.content
    ):
        return frozenset({"text", "image"})
    return frozenset({"text"})
