"""Models, prices and wishes to plan with, small and by hand or drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from chalicelib.generation.catalogue import UnitPrice
from chalicelib.generation.models import (
    BatchOffer,
    BedrockBackend,
    InferenceProfile,
    Lifecycle,
    ModelLimits,
    ServedModel,
    ServedModels,
)
from chalicelib.generation.requirements import CallRegion, Requirements
from chalicelib.generation.tokens import TokenLoad

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
HOME = CallRegion("us-east-1")


def model(name: str = "small", **changes: Any) -> ServedModel:
    backend = BedrockBackend(
        model_id=f"maker.{name}-v1:0",
        api="converse",
        schema="converse",
        regions=frozenset({"us-east-1"}),
        region_price_factor=Decimal(1),
        profiles=MappingProxyType(
            {
                "us": InferenceProfile(
                    f"us.maker.{name}-v1:0", frozenset({"us-east-2"}), Decimal("1.1")
                ),
                "global": InferenceProfile(
                    f"global.maker.{name}-v1:0", frozenset({"us-east-2", "af-south-1"}), Decimal(1)
                ),
            }
        ),
    )
    plain = ServedModel(
        name=name,
        title=name.title(),
        provider="Maker",
        task="chat",
        tier=2,
        licence="none",
        backend=backend,
        limits=ModelLimits(context_tokens=8_000, output_tokens=1_000),
        inputs=frozenset({"text"}),
        outputs=frozenset({"text"}),
        abilities=frozenset({"json", "streams"}),
        refuses=(),
        fallbacks=(),
        lifecycle=Lifecycle("active"),
    )
    return replace(plain, **changes)


def served(*models: ServedModel) -> ServedModels:
    return ServedModels(MappingProxyType({one.name: one for one in models}))


def prices(**dollars: tuple[str, str]) -> Mapping[str, UnitPrice]:
    """Return prices of a million tokens, in and out, by the model's name."""
    found = {}
    for name, pair in dollars.items():
        for kind, amount in zip(("input_token", "output_token"), pair, strict=True):
            unit = f"bedrock.maker.{name}-v1:0.{kind}"
            found[unit] = UnitPrice(unit, Decimal(amount) / 1_000_000, date(2026, 1, 1), "Pricing")
    return found


def a_wish(**changes: Any) -> Requirements:
    return replace(
        Requirements("chat", HOME, TokenLoad(1_000, 500), longest_tokens=1_500), **changes
    )


ABILITIES = ("tools", "tool_choice", "json", "json_schema", "streams")
NAMES = tuple("abcdefgh")


@st.composite
def some_served(draw: st.DrawFn) -> ServedModels:
    """Draw up to eight models of all kinds, with fallbacks among those of the same task."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    found = [draw(some_model(name)) for name in names]
    linked = []
    for one in found:
        others = [other.name for other in found if other is not one and other.task == one.task]
        chosen = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
        linked.append(replace(one, fallbacks=tuple(chosen)))
    return served(*linked)


@st.composite
def some_model(draw: st.DrawFn, name: str) -> ServedModel:
    lives = [
        Lifecycle("active"),
        Lifecycle("legacy", ends=date(2027, 1, 1)),
        Lifecycle("legacy", ends=NOW.date()),
    ]
    return model(
        name,
        task=draw(st.sampled_from(["chat", "chat", "chat", "embedding"])),
        tier=draw(st.integers(1, 5)),
        abilities=frozenset(draw(st.sets(st.sampled_from(ABILITIES)))),
        inputs=draw(st.sampled_from([frozenset({"text"}), frozenset({"text", "image"})])),
        limits=ModelLimits(
            context_tokens=draw(st.sampled_from([1_000, 8_000, 100_000])),
            output_tokens=draw(st.sampled_from([400, 4_000])),
            dimensions=draw(st.sampled_from([(), (384,), (1_024, 256)])),
        ),
        lifecycle=draw(st.sampled_from(lives)),
        batch=draw(st.sampled_from([None, BatchOffer(Decimal("0.5"), 100)])),
        flex=draw(st.sampled_from([None, Decimal("0.5"), Decimal("0.7")])),
        long_prompt_tokens=draw(st.sampled_from([0, 0, 1_200])),
    )


@st.composite
def some_prices(draw: st.DrawFn, known: Iterable[str] = NAMES) -> Mapping[str, UnitPrice]:
    """Draw prices of most models; one of long prompts is never below that of short ones."""
    found: dict[str, UnitPrice] = {}
    for name in known:
        if draw(st.integers(0, 9)) == 0:
            continue
        for kind in ("input_token", "output_token"):
            millionths = draw(st.integers(1, 40_000))
            dearer = millionths * draw(st.integers(1, 5))
            for unit, amount in ((kind, millionths), (f"long_{kind}", dearer)):
                key = f"bedrock.maker.{name}-v1:0.{unit}"
                value = Decimal(amount).scaleb(-9)
                found[key] = UnitPrice(key, value, date(2026, 1, 1), "Pricing")
    return found


@st.composite
def some_wish(draw: st.DrawFn) -> Requirements:
    tokens_in, tokens_out = draw(st.integers(0, 20_000)), draw(st.integers(0, 3_000))
    return Requirements(
        task=draw(st.sampled_from(["chat", "chat", "embedding"])),
        call_region=CallRegion(
            draw(st.sampled_from(["us-east-1", "us-east-2", "af-south-1", "eu-west-1"])),
            draw(st.sampled_from(["region", "geography", "global"])),
            draw(st.sampled_from([(), ("us-east-1",)])),
        ),
        load=TokenLoad(tokens_in, tokens_out),
        longest_tokens=tokens_in + tokens_out,
        abilities=frozenset(draw(st.sets(st.sampled_from(ABILITIES), max_size=2))),
        inputs=draw(st.sampled_from([frozenset({"text"}), frozenset({"text", "image"})])),
        dimensions=draw(st.sampled_from([None, None, 384])),
        quality=draw(st.integers(1, 5)),
        service_tier=draw(st.sampled_from(["standard", "flex", "batch"])),
        deadline=draw(
            st.sampled_from(
                [None, None, datetime(2026, 11, 26, 13, tzinfo=UTC), NOW.replace(year=2027)]
            )
        ),
        budget=draw(st.sampled_from([None, None, 1_000, 10_000_000])),
        fallback=draw(st.booleans()),
        allowed=draw(st.one_of(st.none(), st.frozensets(st.sampled_from(NAMES)))),
        items=draw(st.sampled_from([1, 99, 100, 10_000])),
    )
