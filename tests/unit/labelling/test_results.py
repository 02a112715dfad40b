"""Agreement by published tables and by its definition, decisions, and rows that training reads."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.contracts.labelling import (
    AdjudicateItemRequest,
    AnswerItem,
    ExtractionItem,
    ImageItem,
    LabellingItem,
    LabellingTask,
    Measurement,
    PairItem,
    SubmitLabelRequest,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded
from chalicelib.labelling.agreement import krippendorff_alpha
from chalicelib.labelling.records import StatePart
from models.data import instructions, json_lines, review_pairs
from tests.unit.labelling.fakes import TENANT, Desk, FakeLabels, pairs, terms

OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
"""K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, example C."""
KEYS = ("prompt", "text", "document_id")
UNITS = [
    [label for label in column if label != "."]
    for column in zip(*(row.split() for row in OBSERVERS), strict=True)
]


@pytest.mark.parametrize(
    ("measurement", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_should_agree_with_the_published_table(measurement: Measurement, alpha: float) -> None:
    found = krippendorff_alpha(UNITS, "12345", measurement)
    assert found is not None
    assert round(found, 3) == alpha


def test_should_agree_with_a_table_worked_by_hand() -> None:
    """Two reviewers, ten units, 0 and 1: example A of the same text, alpha 0.095."""
    one, other = "0100000010", "1110010000"
    units = [list(each) for each in zip(one, other, strict=True)]
    assert krippendorff_alpha(units, "01", "nominal") == pytest.approx(1 - 19 * 4 / (14 * 6))


labels = st.lists(st.lists(st.sampled_from("123"), max_size=5), min_size=1, max_size=8)


@given(labels)
def test_alpha_is_the_difference_within_units_over_the_difference_of_any_two(
    units: list[list[str]],
) -> None:
    paired = [unit for unit in units if len(unit) > 1]
    values = [float(label) for unit in paired for label in unit]
    within = sum(
        (float(one) - float(other)) ** 2 / (len(unit) - 1)
        for unit in paired
        for one, other in permutations(unit, 2)
    )
    anywhere = sum((one - other) ** 2 for one, other in permutations(values, 2))
    found = krippendorff_alpha(units, "123", "interval")
    if not anywhere:
        assert found is None
        return
    expected = 1 - (within / len(values)) / (anywhere / (len(values) * (len(values) - 1)))
    assert found == pytest.approx(expected)


def labelled_task(
    items: list[LabellingItem],
    said: dict[str, list[dict[str, Any]]],
    *,
    documents: frozenset[str] = frozenset(),
    **fields: Any,
) -> tuple[Desk, LabellingTask]:
    """Return a task whose reviewers say of the items, by their ids, what `said` has."""
    desk = Desk(FakeLabels(documents=documents))
    reviews = max(len(each) for each in said.values())
    task = desk.tasks.create(TENANT, terms(reviews=reviews, **fields))
    desk.tasks.add(TENANT, task.task_id, items)
    by_text = {
        next(getattr(item, name) for name in KEYS if hasattr(item, name)): item.id for item in items
    }
    for n in range(reviews):
        while (found := desk.queue.next_claim(TENANT, task.task_id, f"r{n}").claim) is not None:
            shown = found.content
            key = by_text[shown.prompt or shown.text or shown.document_id or ""]
            body = SubmitLabelRequest.model_validate(said[key][n])
            desk.queue.submit(TENANT, task.task_id, found.claim_id, f"r{n}", body)
    return desk, task


def answers() -> list[LabellingItem]:
    return [
        AnswerItem(type="answer", id=name, prompt=f"Prompt {name}?", answer=f"Answer {name}.")
        for name in ("right", "wrong", "mended", "apart")
    ]


RIGHT, WRONG = {"label": "right"}, {"label": "wrong"}


def test_should_export_answers_as_the_recipes_read_them(tmp_path: Path) -> None:
    desk, task = labelled_task(
        answers(),
        {
            "right": [RIGHT, RIGHT, WRONG],
            "wrong": [WRONG, WRONG, WRONG],
            "mended": [RIGHT, WRONG, {**WRONG, "correction": "Mended.\u2028Yes."}],
            "apart": [RIGHT, {**WRONG, "correction": "One."}, {**WRONG, "correction": "Two."}],
        },
        kind="answer",
        labels=("right", "wrong"),
        accepted=("right",),
    )
    page, last = desk.tasks.export(TENANT, task.task_id, "supervised", "", 40)
    assert last == ""
    assert page.left_out == {"not accepted, and not corrected": 1, "corrections differ": 1}
    path = tmp_path / "train.jsonl"
    rows = [row.row.model_dump_json() for row in page.items if row.row is not None]
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    read = json_lines.read_rows(path, instructions.Instruction)
    assert {each.prompt: each.completion for each in read} == {
        "Prompt right?": "Answer right.",
        "Prompt mended?": "Mended.\u2028Yes.",
    }
    found = {each.provenance.id: each.provenance for each in page.items}
    assert found["right"].votes == {"right": 2, "wrong": 1}
    assert found["right"].decided_by == "majority"


def test_should_export_pairs_as_the_recipes_read_them(tmp_path: Path) -> None:
    desk, task = labelled_task(pairs(40), {f"pair-{n}": [{"label": "first"}] for n in range(40)})
    rows, after = [], ""
    while True:
        page, after = desk.tasks.export(TENANT, task.task_id, None, after, 15)
        rows += list(page.items)
        if not after:
            break
    assert len(rows) == 40
    for part in ("train", "test"):
        path = tmp_path / f"pairs-{part}.jsonl"
        lines = [row.row.model_dump_json() for row in rows if row.row and row.part == part]
        path.write_text("".join(f"{line}\n" for line in lines))
        read = json_lines.read_rows(path, review_pairs.Pair)
        assert len(read) == len(lines) > 0
        sides = {row.provenance.id: row.provenance.label for row in rows}
        for pair in read:
            side = sides[f"pair-{pair.prompt.removeprefix('Prompt ').removesuffix('?')}"]
            assert pair.chosen.startswith("Good" if side == "a" else "Bad")


def test_should_let_an_adjudication_decide() -> None:
    desk, task = labelled_task(
        answers(),
        {name: [RIGHT, WRONG] for name in ("right", "wrong", "mended", "apart")},
        kind="answer",
        labels=("right", "wrong"),
        accepted=("right",),
    )
    page, _ = desk.tasks.disagreements(TENANT, task.task_id, "", 3)
    assert len(page.items) == 3
    for each in page.items:
        body = AdjudicateItemRequest(label="wrong", correction=f"Better {each.item.id}.")
        decided = desk.queue.adjudicate(TENANT, task.task_id, each.item_id, "lead", body)
        assert decided.label == "wrong"
    rows, _ = desk.tasks.export(TENANT, task.task_id, None, "", 40)
    assert {each.provenance.reviewers for each in rows.items} == {("r0", "r1", "lead")}
    assert all(str(each.row).startswith("prompt=") for each in rows.items)
    progress = desk.tasks.progress(TENANT, task.task_id)
    assert (progress.decided, progress.undecided, progress.adjudicated) == (3, 1, 3)
    assert progress.agreement.alpha == pytest.approx(1 - 7 * 8 / (2 * 4 * 4))


def test_should_refuse_to_adjudicate_what_is_not_done() -> None:
    desk = Desk()
    task = desk.tasks.create(TENANT, terms())
    desk.tasks.add(TENANT, task.task_id, pairs(1, gold=1))
    body = AdjudicateItemRequest(label="a")
    whys: dict[StatePart, str] = {
        "OPEN": "3 reviewers label it first",
        "GOLD": "its label is known",
    }
    for part, why in whys.items():
        (state,) = desk.records.states(TENANT, task.task_id, part)
        with pytest.raises(Conflict, match=why):
            desk.queue.adjudicate(TENANT, task.task_id, state.item_id, "lead", body)


def test_should_export_everything_that_was_said() -> None:
    image = ImageItem(type="image", id="photo", document_id="doc_" + "a" * 24, page=2)
    said = [{"label": "turbine", "comment": "Rusty."}, {"label": "turbine"}]
    asked: dict[str, Any] = {"kind": "image", "labels": ("turbine", "pump")}
    with pytest.raises(NotFound) as missing:
        labelled_task([image], {"photo": said}, **asked)
    assert missing.value.field == "items.0.document_id"
    known = frozenset((image.document_id,))
    desk, task = labelled_task([image], {"photo": said}, documents=known, **asked)
    page, _ = desk.tasks.export(TENANT, task.task_id, None, "", 40)
    (row,) = page.items
    assert (page.format, row.item, row.provenance.label) == ("labels", image, "turbine")
    assert [(each.reviewer, each.comment) for each in row.given] == [("r0", "Rusty."), ("r1", "")]
    with pytest.raises(InvalidInput, match="exported as labels"):
        desk.tasks.export(TENANT, task.task_id, "preference", "", 40)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"labels": ("a", "b")}, "pairs are labelled a, b or tie"),
        ({"measurement": "ordinal"}, "measurement of pairs is nominal"),
        ({"kind": "answer", "labels": ("one",)}, "there are 2 labels at least, each once"),
        ({"kind": "answer", "labels": ("one", "one")}, "there are 2 labels at least, each once"),
        ({"kind": "answer", "labels": ("1", "2"), "accepted": ("3",)}, "some of the labels"),
        ({"kind": "answer", "labels": ("low", "2"), "measurement": "interval"}, "are numbers"),
        ({"reviews": 11}, "less than or equal to 10"),
        ({"guidelines": ""}, "at least 1 character"),
    ],
)
def test_should_refuse_terms_that_fit_no_task(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        terms(**fields)


def test_should_refuse_items_that_do_not_fit_and_add_none() -> None:
    desk = Desk()
    task = desk.tasks.create(TENANT, terms())
    good = pairs(2)
    answer = answers()[0]
    values = ExtractionItem(type="extraction", id="x", text="A total of 7.", values="7")
    extracting = desk.tasks.create(TENANT, terms(kind="extraction", labels=("right", "wrong")))
    twice = pairs(1)[0].model_copy(update={"b": "Another."})
    silver = good[0].model_copy(update={"gold": "silver"})
    for items, task_id, field in (
        ([*good, answer], task.task_id, "items.2.type"),
        ([*good, twice], task.task_id, "items.2.id"),
        ([silver], task.task_id, "items.0.gold"),
        ([values], extracting.task_id, "items.0.values"),
    ):
        with pytest.raises(InvalidInput) as refused:
            desk.tasks.add(TENANT, task_id, items)
        assert refused.value.field == field
    assert desk.tasks.task(TENANT, task.task_id).items == 0
    assert desk.tasks.add(TENANT, task.task_id, good).added == 2
    assert desk.tasks.add(TENANT, task.task_id, pairs(3)).model_dump() == {"added": 1, "known": 2}
    with pytest.raises(Conflict):
        desk.tasks.add(TENANT, task.task_id, [twice])
    with pytest.raises(ValidationError, match="a and b are the same text"):
        PairItem(type="pair", id="x", prompt="P", a="Same.", b="Same.")
    many = [each.model_copy(update={"id": f"n-{n}"}) for n, each in enumerate(pairs(1_999))]
    with pytest.raises(QuotaExceeded):
        desk.tasks.add(TENANT, task.task_id, many)


def test_should_take_a_correction_where_one_makes_sense() -> None:
    said = {"label": "wrong", "correction": '{"total": 7}'}
    item = ExtractionItem(type="extraction", id="x", text="A total of 7.", values="{}")
    desk, task = labelled_task([item], {"x": [said]}, kind="extraction", labels=("right", "wrong"))
    rows, _ = desk.tasks.export(TENANT, task.task_id, None, "", 40)
    assert [each.row.model_dump() for each in rows.items if each.row] == [
        {"prompt": "A total of 7.", "completion": '{"total": 7}'}
    ]
    for kind, text, why in (
        ("extraction", "seven", "is a JSON object"),
        ("pair", "x", "labels only"),
    ):
        of_pairs = {} if kind == "pair" else {"labels": ("right", "wrong")}
        other = desk.tasks.create(TENANT, terms(kind=kind, **of_pairs))
        body = SubmitLabelRequest(label="tie", correction=text)
        with pytest.raises(InvalidInput, match=why):
            desk.queue.submit(TENANT, other.task_id, "clm_x", "ann", body)
