"""The lines of items, read in pieces from the input and from what prompts came to."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.batches import items, places
from chalicelib.batches.items import item_of, kept, lines_of
from chalicelib.batches.lines import Item
from chalicelib.contracts.batches import ItemRef, PromptUsed
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ImageCall,
    JsonOutput,
    Message,
    Terms,
    TextPart,
)
from tests.unit.batches.examples import ORDER, item, own
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
    bodies = {f"p/{places.INPUT}": files[False], f"p/{places.RENDERED}": files[True]}
    found = list(lines_of(refs, FakeBatchObjects(bodies=bodies), "b", "p/", piece))
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
    objects = Counting(bodies={places.INPUT: file, places.RENDERED: file})
    assert len(list(lines_of(refs, objects, "b", ""))) == 100
    assert Counting.reads == 2
    assert len(file) < items.PIECE_BYTES


@pytest.mark.parametrize("call", [CHAT, ImageCall(prompt="A weir.", count=2)])
def test_what_was_rendered_should_be_the_same_item_when_it_is_read_again(call: Call) -> None:
    made = Item(
        "a",
        "own",
        call,
        Terms(model="nova-micro", budget=Decimal("0.01"), checks=("contains:weir",)),
        keeps_truncated=True,
        prompt=PromptUsed(name="sum-up", version=3),
        reasons=True,
        output_schema={"type": "object"},
    )
    line = kept(made)
    assert b"\n" not in line
    ref = ItemRef(n=0, id="a", start=0, length=len(line), rendered=True)
    assert item_of(ref, line, ORDER) == made


def test_a_line_of_the_input_should_be_read_as_one() -> None:
    ref = ItemRef(n=0, id="a", start=0, length=len(own()))
    assert item_of(ref, own(), ORDER) == item()
