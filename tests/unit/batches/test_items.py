"""The lines of items, read in pieces from the input and from what prompts came to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.batches import items, storage
from chalicelib.batches.items import (
    BatchItem,
    dump_rendered,
    form_of,
    id_of,
    item_lines,
    parse_item,
    read_item,
)
from chalicelib.contracts.batches import MAX_ID_CHARACTERS, ItemRef, PromptUsed
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ClassifyCall,
    EmbedCall,
    ImageCall,
    JsonOutput,
    Message,
    ScoreCall,
    Terms,
    TextPart,
)
from chalicelib.errors import InvalidInput, Unsupported
from tests.unit.batches.examples import ORDER, item, openai, own
from tests.unit.batches.fakes import FakeBatchObjects

CHAT = ChatCall(
    system="Be brief.",
    messages=(Message(role="user", content=(TextPart(text="Grüße, \N{SNOWMAN}"),)),),
    json_output=JsonOutput(json_schema={"type": "object"}),
)


@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=40), st.booleans(), st.booleans()),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 200),
)
def test_each_item_should_have_its_own_line_however_its_file_is_cut(
    given_lines: list[tuple[bytes, bool, bool]], piece: int
) -> None:
    files, refs, wanted = {False: b"", True: b""}, [], []
    for n, (line, is_asked, rendered) in enumerate(given_lines):
        if is_asked:
            start = len(files[rendered])
            refs.append(ItemRef(n=n, id=f"i{n}", start=start, length=len(line), rendered=rendered))
            wanted.append(line)
        files[rendered] += line + b"\n"
    bodies = {f"p/{storage.INPUT}": files[False], f"p/{storage.RENDERED}": files[True]}
    found = list(item_lines(refs, FakeBatchObjects(bodies=bodies), "b", "p/", piece))
    assert [ref for ref, _ in found] == refs
    assert [line for _, line in found] == wanted


def test_items_that_lie_together_should_be_read_at_once() -> None:
    class Counting(FakeBatchObjects):
        reads = 0

        def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
            Counting.reads += 1
            return super().stream(bucket, key, start, end)

    file = (b"x" * 999 + b"\n") * 100
    refs = [
        ItemRef(n=n, id=f"i{n}", start=1_000 * n, length=999, rendered=n % 2 == 1)
        for n in range(100)
    ]
    objects = Counting(bodies={storage.INPUT: file, storage.RENDERED: file})
    assert len(list(item_lines(refs, objects, "b", ""))) == 100
    assert Counting.reads == 2
    assert len(file) < items.PIECE_BYTES


@pytest.mark.parametrize("call", [CHAT, ImageCall(prompt="A weir.", count=2)])
def test_what_was_rendered_should_be_the_same_item_when_it_is_read_again(call: Call) -> None:
    made = BatchItem(
        "a",
        "own",
        call,
        Terms(model="nova-micro", budget=Decimal("0.01"), checks=("contains:weir",)),
        keeps_truncated=True,
        prompt=PromptUsed(name="sum-up", version=3),
        reasons=True,
        output_schema={"type": "object"},
    )
    line = dump_rendered(made)
    assert b"\n" not in line
    ref = ItemRef(n=0, id="a", start=0, length=len(line), rendered=True)
    assert parse_item(ref, line, ORDER) == made


def test_a_line_of_the_input_should_be_read_as_one() -> None:
    ref = ItemRef(n=0, id="a", start=0, length=len(own()))
    assert parse_item(ref, own(), ORDER) == item()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


FIELDS = st.sampled_from(
    [
        "id",
        "prompt",
        "messages",
        "texts",
        "images",
        "labels",
        "model",
        "custom_id",
        "url",
        "body",
        "stop",
    ]
)


def test_a_prompt_should_become_a_call_of_one_turn_with_its_parameters() -> None:
    found = item(own("a", system="Be brief.", max_tokens=7, temperature=0, stop=["x"], seed=4))
    assert isinstance(found.call, ChatCall)
    assert (found.id, found.form, found.terms.model) == ("a", "own", "nova-micro")
    assert found.call.messages[0].content == (TextPart(text="Hello."),)
    assert (found.call.system, found.call.max_tokens, found.call.temperature) == ("Be brief.", 7, 0)
    assert (found.call.stop, found.call.seed) == (("x",), 4)


def test_a_line_should_name_its_own_model_and_be_held_to_its_own_schema() -> None:
    order = ORDER.model_copy(update={"checks": ("lacks:sorry",)})
    schema = {"type": "object"}
    found = item(own(model="nova-pro", json_schema=schema), order)
    assert found.terms.model == "nova-pro"
    assert found.terms.checks == ("schema", "lacks:sorry")


def test_a_line_should_say_what_may_answer_it_and_the_batch_what_it_does_not_say() -> None:
    order = ORDER.model_copy(update={"quality": 2, "fallback": False, "service_tier": "flex"})
    mine = item(own(quality=4, budget="0.5", fallback=True, allow_truncation=True), order)
    assert (mine.terms.quality, mine.terms.budget, mine.terms.fallback) == (4, Decimal("0.5"), True)
    assert mine.keeps_truncated
    theirs = item(own(), order)
    assert (theirs.terms.quality, theirs.terms.budget, theirs.terms.fallback) == (2, None, False)
    assert mine.terms.service_tier == theirs.terms.service_tier == "flex"
    assert not theirs.keeps_truncated


def test_a_picture_should_be_asked_for_as_any_generation_is() -> None:
    found = item(own(task="image", prompt="A weir.", count=2, width=512, height=512))
    assert isinstance(found.call, ImageCall)
    assert (found.call.prompt, found.call.count, found.terms.checks) == ("A weir.", 2, ())


def test_a_line_of_pictures_should_say_by_its_fields_what_is_asked() -> None:
    line = {"id": "a", "images": [{"media_type": "image/png", "data": "UE5H"}]}
    embedded = item(json.dumps(line).encode())
    assert isinstance(embedded.call, EmbedCall)
    assert not embedded.terms.fallback
    classified = item(json.dumps({**line, "labels": ["red", "blue"]}).encode())
    assert isinstance(classified.call, ClassifyCall)
    assert classified.call.images[0].data == b"PNG"


def test_a_line_of_answers_should_be_scored_by_the_model_that_is_named() -> None:
    found = item(
        json.dumps({"id": "a", "prompt": "A weir is", "answers": ["low", "high"]}).encode()
    )
    assert found.call == ScoreCall(prompt="A weir is", answers=("low", "high"))
    assert (found.terms.fallback, found.terms.checks) == (False, ())


@pytest.mark.parametrize(
    "line", [own(texts=["a", "b"]), openai(url="/v1/embeddings", input=["a", "b"])]
)
def test_no_other_model_should_take_the_place_of_one_that_makes_vectors(line: bytes) -> None:
    found = item(line)
    assert isinstance(found.call, EmbedCall)
    assert found.call.texts == ("a", "b")
    assert (found.terms.fallback, found.terms.checks) == (False, ())


def test_openai_s_line_should_be_read_as_its_route_reads_the_body() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    found = item(openai("x", messages=messages, max_tokens=3, response_format={"type": "text"}))
    assert isinstance(found.call, ChatCall)
    assert (found.id, found.form, found.call.system) == ("x", "openai", "Be brief.")
    assert found.call.max_tokens == 3
    assert not found.packs
    assert item(openai(url="/v1/embeddings", encoding_format="base64")).packs


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (None, "line"),
        (b"not json", "body"),
        (b"[1]", "body"),
        (b'{"id": "\xff", "prompt": "x"}', "body"),
        (b"{}", "id"),
        (own(""), "id"),
        (own("x" * (MAX_ID_CHARACTERS + 1)), "id"),
        (b'{"id": "a"}', "body"),
        (own(texts=["a"], prompt="b"), "body"),
        (own(texts=[""]), "texts.0"),
        (own(service_tier="batch"), "service_tier"),
        (own(deadline="2027-01-01T00:00:00Z"), "deadline"),
        (own(max_tokens=0), "max_tokens"),
        (own(temperature=3), "temperature"),
        (own(nonsense=1), "nonsense"),
        (own(messages=[]), "body"),
        (own(messages=[{"role": "system", "content": "x"}]), "messages.0.role"),
        (openai(url="/v1/elsewhere"), "url"),
        (openai(stream=True), "body.stream"),
        (openai(n=2), "n"),
        (openai(messages=[]), "messages"),
        (openai(url="/v1/embeddings", input=[1, 2]), "input"),
    ],
)
def test_a_line_that_is_no_item_should_be_refused_by_the_field(
    line: bytes | None, field: str
) -> None:
    with pytest.raises((InvalidInput, Unsupported)) as refused:
        read_item(line, ORDER)
    assert refused.value.field == field


@given(st.dictionaries(FIELDS, JSON, max_size=6) | JSON)
def test_whatever_json_comes_should_be_an_item_or_be_refused(value: Any) -> None:
    line = json.dumps(value).encode()
    try:
        found = read_item(line, ORDER)
    except (InvalidInput, Unsupported):
        assert len(id_of(line)) <= MAX_ID_CHARACTERS
    else:
        assert found.id == id_of(line)


@given(st.binary(max_size=80))
def test_whatever_bytes_come_should_be_refused_and_never_break_the_reader(line: bytes) -> None:
    with pytest.raises((InvalidInput, Unsupported)):
        read_item(line, ORDER)
    assert form_of(line) == "own"


def test_a_character_that_stands_for_lost_bytes_should_be_taken_as_it_is() -> None:
    found = item('{"id": "a", "prompt": "lost: \N{REPLACEMENT CHARACTER}"}'.encode())
    assert isinstance(found.call, ChatCall)
    assert found.call.messages[0].content == (TextPart(text="lost: \N{REPLACEMENT CHARACTER}"),)


def test_json_that_is_nested_too_deeply_should_be_refused() -> None:
    line = b'{"custom_id": ' + b"[" * 100_000
    with pytest.raises(InvalidInput):
        read_item(line, ORDER)
    assert id_of(line) == ""
