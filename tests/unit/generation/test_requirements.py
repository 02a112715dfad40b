from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import (
    ChatCall,
    EmbedCall,
    ImageCall,
    ImagePart,
    JsonOutput,
    Message,
    Terms,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from chalicelib.generation.requirements import CallRegion, derive_requirements
from chalicelib.generation.tokens import IMAGE_TOKENS, TokenLoad, estimated_tokens

HOME = CallRegion("us-east-1")
PICTURE = ImagePart(media_type="image/png", data=b"AAAA")


def chat(*parts: object, **fields: object) -> ChatCall:
    content = parts or (TextPart(text="Hello"),)
    message = Message.model_validate({"role": "user", "content": content})
    return ChatCall.model_validate({"messages": (message,), **fields})


def test_terms_should_come_over_with_money_in_nano_dollars() -> None:
    deadline = datetime(2026, 12, 1, tzinfo=UTC)
    terms = Terms(
        model="nova-lite",
        quality=3,
        service_tier="flex",
        deadline=deadline,
        budget=Decimal("0.0025"),
        fallback=False,
    )
    found = derive_requirements(chat(), terms, HOME, items=7, allowed=frozenset({"nova-lite"}))
    assert (found.model, found.quality, found.service_tier) == ("nova-lite", 3, "flex")
    assert (found.deadline, found.budget, found.fallback) == (deadline, 2_500_000, False)
    assert (found.items, found.call_region) == (7, HOME)
    assert found.allowed == frozenset({"nova-lite"})


def test_needs_should_be_those_that_the_call_has() -> None:
    tool = Tool(name="find")
    assert derive_requirements(chat(), Terms(), HOME).abilities == frozenset()
    assert derive_requirements(chat(), Terms(), HOME, streams=True).abilities == {"streams"}
    assert derive_requirements(chat(tools=(tool,)), Terms(), HOME).abilities == {"tools"}
    assert (
        derive_requirements(chat(tools=(tool,), tool_choice="none"), Terms(), HOME).abilities
        == frozenset()
    )
    earlier = ToolCall(id="1", name="find", arguments="{}")
    assert derive_requirements(chat(earlier), Terms(), HOME).abilities == {"tools"}
    forced = chat(tools=(tool,), tool_choice="find")
    assert derive_requirements(forced, Terms(), HOME).abilities == {"tools", "tool_choice"}
    assert derive_requirements(chat(json_output=JsonOutput()), Terms(), HOME).abilities == {"json"}
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    held = chat(json_output=JsonOutput(json_schema=schema))
    assert derive_requirements(held, Terms(), HOME).abilities == {"json"}
    assert derive_requirements(held, Terms(), HOME, streams=True).abilities == {
        "json_schema",
        "streams",
    }
    open_one = chat(json_output=JsonOutput(json_schema={"type": "object"}))
    assert derive_requirements(open_one, Terms(), HOME, streams=True).abilities == {
        "json",
        "streams",
    }


def test_pictures_and_sampling_should_be_seen() -> None:
    found = derive_requirements(chat(PICTURE, temperature=0.0, seed=1), Terms(), HOME)
    assert found.inputs == {"text", "image"}
    assert found.parameters == {"temperature", "seed"}
    assert found.load.tokens_in >= IMAGE_TOKENS


def test_an_embedding_should_be_as_long_as_its_longest_text() -> None:
    texts = ("short", "a much longer text than the other one")
    found = derive_requirements(EmbedCall(texts=texts, dimensions=384), Terms(), HOME)
    counts = [estimated_tokens(text) for text in texts]
    assert found.load == TokenLoad(sum(counts))
    assert (found.longest_tokens, found.dimensions) == (max(counts), 384)


def test_pictures_should_be_counted() -> None:
    found = derive_requirements(ImageCall(prompt="a weir", count=3), Terms(), HOME)
    assert (found.task, found.load, found.longest_tokens) == ("image", TokenLoad(images=3), 0)


@given(st.lists(st.text(max_size=200), min_size=1, max_size=5), st.text(max_size=200))
def test_no_text_of_a_call_should_go_uncounted(texts: list[str], system: str) -> None:
    parts: list[object] = [TextPart(text=text) for text in texts]
    parts += [ToolResult(id="1", text=texts[0]), ToolCall(id="1", name="n", arguments=texts[-1])]
    call = chat(*parts, system=system, max_tokens=100)
    found = derive_requirements(call, Terms(), HOME)
    all_texts = [system, *texts, texts[0], texts[-1]]
    assert found.load.tokens_in >= sum(estimated_tokens(text) for text in all_texts) - len(
        all_texts
    )
    assert found.longest_tokens == found.load.tokens_in + 100
    longer = derive_requirements(chat(*parts, TextPart(text="more"), system=system), Terms(), HOME)
    assert longer.load.tokens_in > found.load.tokens_in
