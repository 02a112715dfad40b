"""What a call asks of the model that is to answer it, told from the call and its terms. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
    Message,
    ScoreCall,
    ServiceTier,
    Terms,
    TextPart,
    Tool,
    ToolCall,
)
from chalicelib.contracts.receipts import nanodollars
from chalicelib.generation.check_names import SELF
from chalicelib.generation.fitting import held_by_api
from chalicelib.generation.pricing import Load
from chalicelib.generation.served import AUTO, Ability, Modality, Reach
from chalicelib.generation.tokens import estimated_tokens

IMAGE_TOKENS = 1_600
"""Of a picture in a prompt: the most that Anthropic's models count for one.
https://platform.claude.com/docs/en/build-with-claude/vision
"""
_MESSAGE_TOKENS = 8
"""Of what a chat template puts around a message."""
_INSTRUCTION_TOKENS = 24
"""Of instructions that a chat template brings where a call has none: SmolLM2 is told its name."""
_PARAMETERS = (
    *("temperature", "top_p", "seed"),
    *("prompt", "negative_prompt", "steps", "guidance"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call is made: the stage's region, how far it may go from there to be worked on, and
    other regions that the stage may call where its own lacks a model, the best first.
    """

    region: str
    reach: Reach = "geography"
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a model, for one item of `items` that are alike.

    `load` is the most that one item uses, without what single models add: for tools, where there
    are any, and for JSON that they are asked for in words. `schema_by_bedrock` says that Bedrock's
    API could hold an answer to the schema. `longest_tokens` are those of the longest text that the
    model reads at once, with its answer. `parameters` are those that are given and that some models
    do not take.
    `budget` is in nano-dollars and bounds all items together. `allowed` are the names that the
    tenant may use, None for all. `most_bytes` are those that an answer may have, None for any.
    """

    task: GenerationTask
    place: Place
    load: Load
    longest_tokens: int = 0
    needs: frozenset[Ability] = frozenset()
    inputs: frozenset[Modality] = frozenset({"text"})
    dimensions: int | None = None
    parameters: frozenset[str] = frozenset()
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
    most_bytes: int | None = None


def wish(
    call: Call,
    terms: Terms,
    place: Place,
    *,
    items: int = 1,
    streams: bool = False,
    allowed: frozenset[str] | None = None,
    most_bytes: int | None = None,
) -> Wish:
    """Return what `call` under `terms` asks of a model; of a batch, `call` is its largest item."""
    load, longest = load_of(call)
    wanted = call.json_output if isinstance(call, ChatCall) else None
    by_bedrock = wanted is not None and held_by_api(wanted)
    return Wish(
        task=call.task,
        place=place,
        load=load,
        longest_tokens=longest,
        needs=_needs(call, terms.checks, streams=streams, by_bedrock=by_bedrock),
        inputs=_inputs(call),
        dimensions=call.dimensions if isinstance(call, EmbedCall) else None,
        parameters=frozenset(
            name for name in _PARAMETERS if getattr(call, name, None) not in (None, "")
        ),
        model=terms.model,
        quality=terms.quality,
        service_tier=terms.service_tier,
        deadline=terms.deadline,
        budget=nanodollars(terms.budget) if terms.budget is not None else None,
        fallback=terms.fallback,
        allowed=allowed,
        items=items,
        has_tools=isinstance(call, ChatCall) and has_tools(call),
        asks_json=wanted is not None,
        has_schema=wanted is not None and wanted.json_schema is not None,
        schema_by_bedrock=by_bedrock,
        vectors=len(call.texts) + len(call.images) if isinstance(call, EmbedCall) else 0,
        pixels=call.count * call.width * call.height if isinstance(call, ImageCall) else 0,
        most_bytes=most_bytes,
    )


def load_of(call: Call) -> tuple[Load, int]:
    """Return the most that `call` uses, and how long a text the model has to hold at once."""
    if isinstance(call, ChatCall):
        tokens = _prompt_tokens(call)
        return Load(tokens, call.max_tokens), tokens + call.max_tokens
    if isinstance(call, EmbedCall):
        counts = [estimated_tokens(text) for text in call.texts]
        return Load(sum(counts), images=len(call.images)), max(counts, default=0)
    if isinstance(call, ClassifyCall):
        counts = [estimated_tokens(text) for text in _said(call)]
        return Load(sum(counts), images=len(call.images)), max(counts)
    if isinstance(call, ScoreCall):
        prompt = estimated_tokens(call.prompt)
        counts = [prompt + estimated_tokens(answer) for answer in call.answers]
        return Load(sum(counts)), max(counts)
    return Load(images=call.count), 0


def _said(call: ClassifyCall) -> Iterator[str]:
    for label in call.labels:
        yield from (text.replace("{}", label) for text in call.templates or ("{}",))


def has_tools(call: ChatCall) -> bool:
    """Tell whether a model is told of tools: of those of the call, or of earlier calls of them."""
    return bool(call.tools) or _called_tools(call)


def _called_tools(call: ChatCall) -> bool:
    return any(isinstance(part, ToolCall) for message in call.messages for part in message.content)


def _prompt_tokens(call: ChatCall) -> int:
    tokens = estimated_tokens(call.system) if call.system else _INSTRUCTION_TOKENS
    for tool in call.tools:
        tokens += estimated_tokens(_described(tool))
    if call.json_output is not None and call.json_output.json_schema is not None:
        tokens += estimated_tokens(json.dumps(dict(call.json_output.json_schema)))
    return tokens + sum(_message_tokens(message) for message in call.messages)


def _described(tool: Tool) -> str:
    """Return a tool as chat templates write it down."""
    said = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return json.dumps({"type": "function", "function": said})


def _message_tokens(message: Message) -> int:
    tokens = _MESSAGE_TOKENS
    for part in message.content:
        if isinstance(part, ImagePart):
            tokens += IMAGE_TOKENS
        elif isinstance(part, ToolCall):
            tokens += estimated_tokens(f"{part.id} {part.name} {part.arguments}")
        elif isinstance(part, TextPart):
            tokens += estimated_tokens(part.text)
        else:
            tokens += estimated_tokens(f"{part.id} {part.text}")
    return tokens


def _needs(
    call: Call, checks: Sequence[str], *, streams: bool, by_bedrock: bool
) -> frozenset[Ability]:
    """Return what the model has to be able to do.

    Whole answers are held to a JSON Schema by a check, and asked for once more; what is streamed
    can only be held to it by the model's own API, where that knows such schemas. Who is to check
    its own answers gives its verdict as JSON.
    """
    needs: set[Ability] = {"streams"} if streams else set()
    needs |= {"json"} if SELF in checks else set()
    if isinstance(call, ImageCall) and call.to_seed is not None:
        needs.add("walks")
    if not isinstance(call, ChatCall):
        return frozenset(needs)
    chooses = bool(call.tools) and call.tool_choice != "none"
    if chooses or _called_tools(call):
        needs.add("tools")
    if chooses and call.tool_choice != "auto":
        needs.add("tool_choice")
    if call.json_output is not None:
        needs.add("json_schema" if streams and by_bedrock else "json")
    return frozenset(needs)


def _inputs(call: Call) -> frozenset[Modality]:
    if isinstance(call, ClassifyCall):
        return frozenset({"text", "image"})
    if isinstance(call, EmbedCall) and call.images:
        return frozenset({"image"})
    if isinstance(call, ChatCall) and any(
        isinstance(part, ImagePart) for message in call.messages for part in message.content
    ):
        return frozenset({"text", "image"})
    return frozenset({"text"})
