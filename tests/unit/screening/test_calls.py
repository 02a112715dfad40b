from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    ClassifyCall,
    EmbedCall,
    EmbedOutput,
    ImageCall,
    ImageOutput,
    ImagePart,
    Message,
    Part,
    ScoreCall,
    TagCall,
    TextPart,
    ToolCall,
    ToolResult,
)
from chalicelib.screening.calls import (
    call_pictures,
    call_texts,
    output_pictures,
    output_texts,
    with_texts,
)

PICTURE = ImagePart.model_construct(media_type="image/png", data=b"PNG")
CHAT = ChatCall(
    system="Be brief.",
    messages=(
        Message(role="user", content=(TextPart(text="Hello"), PICTURE)),
        Message(role="assistant", content=(ToolCall(id="a", name="look", arguments="{}"),)),
        Message(role="user", content=(ToolResult(id="a", text="found"), TextPart(text=" "))),
    ),
)


def test_texts_of_a_chat_should_be_told_by_who_wrote_them() -> None:
    told = [(one.text, one.origin, one.field) for one in call_texts(CHAT)]
    assert told == [
        ("Be brief.", "instructions", "system"),
        ("Hello", "input", "messages.0"),
        ("found", "untrusted", "messages.2"),
    ]
    assert call_pictures(CHAT) == [b"PNG"]


def test_a_model_s_own_turns_should_be_its_words() -> None:
    said = Message(role="assistant", content=(TextPart(text="Hi"),))
    call = CHAT.model_copy(update={"messages": (CHAT.messages[0], said, CHAT.messages[0])})
    assert [one.origin for one in call_texts(call)] == ["instructions", "input", "output", "input"]


def test_a_chat_should_be_the_same_but_for_its_texts() -> None:
    changed = with_texts(CHAT, ["1", "2", "3"])
    assert isinstance(changed, ChatCall)
    assert [one.text for one in call_texts(changed)] == ["1", "2", "3"]
    assert changed.messages[0].content[1] is PICTURE
    assert changed.messages[1] == CHAT.messages[1]
    assert changed.messages[2].content[1] == TextPart(text=" ")


PARTS = st.one_of(
    st.builds(TextPart, text=st.text(max_size=9)),
    st.builds(ToolResult, id=st.just("a"), text=st.text(max_size=9)),
)
CALLS: st.SearchStrategy[Call] = st.one_of(
    *(
        st.builds(kind, texts=st.lists(st.text(max_size=9), min_size=1, max_size=4))
        for kind in (EmbedCall, ClassifyCall, TagCall)
    ),
    st.builds(
        ImageCall, prompt=st.text(min_size=1, max_size=9), negative_prompt=st.text(max_size=9)
    ),
    st.builds(
        lambda system, parts: ChatCall(
            system=system,
            messages=tuple(Message(role="user", content=tuple(each)) for each in parts),
        ),
        st.text(max_size=9),
        st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=3),
    ),
)


@given(CALLS)
def test_a_call_with_its_own_texts_should_be_itself(call: Call) -> None:
    assert with_texts(call, [one.text for one in call_texts(call)]) == call


@given(CALLS)
def test_a_call_should_take_other_texts_in_their_order(call: Call) -> None:
    others = [f"text {at}" for at in range(len(call_texts(call)))]
    assert [one.text for one in call_texts(with_texts(call, others))] == others


def test_arguments_of_tools_should_be_looked_at_and_stay_as_they_are() -> None:
    wanted: list[ToolCall] = [ToolCall(id="a", name="pay", arguments='{"to": 1}')]
    assert output_texts(ChatOutput(text="Hi", tool_calls=tuple(wanted))) == (
        ["Hi", '{"to": 1}'],
        frozenset({1}),
    )
    assert output_texts(ChatOutput(text="", tool_calls=tuple(wanted)))[1] == frozenset({0})


@pytest.mark.parametrize(
    ("output", "pictures"),
    [
        (EmbedOutput(vectors=((1.0,),)), []),
        (ImageOutput.model_construct(images=(b"a", b"b")), [b"a", b"b"]),
    ],
)
def test_outputs_without_text_should_have_none(
    output: EmbedOutput | ImageOutput, pictures: list[bytes]
) -> None:
    assert output_texts(output) == ([], frozenset())
    assert output_pictures(output) == pictures


def test_parts_that_are_no_text_should_stay() -> None:
    parts: tuple[Part, ...] = (PICTURE, TextPart(text="x"))
    call = ChatCall(messages=(Message(role="user", content=parts),))
    changed = with_texts(call, ["y"])
    assert isinstance(changed, ChatCall)
    assert changed.messages[0].content == (PICTURE, TextPart(text="y"))


def test_pictures_that_are_embedded_or_classified_should_be_looked_at() -> None:
    embedded = EmbedCall.model_construct(texts=(), images=(PICTURE, PICTURE))
    assert (call_pictures(embedded), call_texts(embedded)) == ([b"PNG", b"PNG"], [])
    assert with_texts(embedded, []) == embedded
    call = ClassifyCall.model_construct(
        images=(PICTURE,), labels=("red", "Ann Example"), templates=("a {}",)
    )
    assert call_pictures(call) == [b"PNG"]
    told = [(one.text, one.origin, one.field) for one in call_texts(call)]
    assert told == [
        ("red", "input", "labels.0"),
        ("Ann Example", "input", "labels.1"),
        ("a {}", "input", "templates.0"),
    ]
    masked = with_texts(call, ["red", "[name]", "a {}"])
    assert isinstance(masked, ClassifyCall)
    assert (masked.labels, masked.templates) == (("red", "[name]"), ("a {}",))


def test_answers_that_are_scored_should_be_screened_as_what_was_written() -> None:
    call = ScoreCall(prompt="Who made it?", answers=("Ann Example", " ", "nobody"))
    told = [(one.text, one.origin, one.field) for one in call_texts(call)]
    assert told == [
        ("Who made it?", "input", "prompt"),
        ("Ann Example", "output", "answers.0"),
        ("nobody", "output", "answers.2"),
    ]
    masked = with_texts(call, ["Who made it?", "[name]", "nobody"])
    assert masked == ScoreCall(prompt="Who made it?", answers=("[name]", " ", "nobody"))
