"""`headrace labelling`: what it sends, what it writes, and what it refuses to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.data import json_lines
from models.data.review_pairs import Pair
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace, error
from tests.unit.labelling.test_preferences import label, progress, rating

PLACE = "/v1/labelling/tasks"


def show_task(fake: FakeHeadrace, pairs: int, **shown: Any) -> None:
    """Show a task of so many pairs, on two pages."""
    rows = [label("Good.", "Bad.", str(n), f"Prompt {n}?") for n in range(pairs)]
    pages = {
        "?format=preference": (rows[:60], "more"),
        "?format=preference&cursor=more": (rows[60:], None),
    }
    for query, (items, cursor) in pages.items():
        fake.shown[f"{PLACE}/lt_1/export{query}"] = {
            "format": "preference",
            "items": [each.model_dump(mode="json") for each in items],
            "left_out": {},
            "next_cursor": cursor,
        }
    fake.shown[f"{PLACE}/lt_1/progress"] = progress(**shown).model_dump(mode="json")


def test_should_write_pairs_that_pass_the_gate(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    show_task(fake, 120, gold=((200, 199),))
    ratings, out = tmp_path / "feedback.jsonl", tmp_path / "out"
    ratings.write_text(rating("fb_1", "Bad.", correction="Best.").model_dump_json() + "\n")
    ended = headrace(
        "labelling", "pairs", str(out), "--task", "lt_1", "--ratings", str(ratings), "--json"
    )
    assert ended.code == 0, ended.err
    assert (ended.json["pairs"], ended.json["passed"]) == (121, True)
    read = [
        pair
        for name in ("pairs-train.jsonl", "pairs-test.jsonl")
        for pair in json_lines.read_rows(out / name, Pair)
    ]
    assert len(read) == 121
    assert {each.rejected for each in read} == {"Bad."}
    told = [json.loads(line) for line in (out / "provenance.jsonl").read_text().splitlines()]
    assert ["rating:fb_1"] in [each["sources"] for each in told]
    assert json.loads((out / "quality.json").read_text())["contradictory"] == 0


@pytest.mark.parametrize(
    ("pairs", "shown", "why"),
    [
        (80, {"gold": ((200, 199),)}, "there are 80 pairs, and 100 at least are needed"),
        (120, {"gold": ((200, 101),)}, "101 of 200 gold labels are right"),
    ],
)
def test_should_write_nothing_that_does_not_pass(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path, pairs: int, shown: Any, why: str
) -> None:
    show_task(fake, pairs, **shown)
    ended = headrace("labelling", "pairs", str(tmp_path / "out"), "--task", "lt_1")
    assert ended.code == 1
    assert why in ended.err
    assert not (tmp_path / "out").exists()


def test_should_name_what_is_wrong_with_its_files(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "P"}\n[1]\n')
    ended = headrace("labelling", "pairs", str(tmp_path / "out"), "--ratings", str(bad))
    assert ended.code == 2
    assert "line 1 is no rating: feedback_id: Field required" in ended.err
    assert headrace("labelling", "pairs", str(tmp_path / "out")).code == 2
    guide = tmp_path / "guide.txt"
    guide.write_text("Prefer.")
    create = ("create", "T", "--kind", "pair", "--guidelines", str(guide), "--items", str(bad))
    ended = headrace("labelling", *create)
    assert ended.code == 2
    assert "line 2 is not a JSON object" in ended.err
    assert fake.requests == []


def test_should_name_the_item_that_is_refused_by_its_line(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    items = tmp_path / "pairs.jsonl"
    items.write_text('{"prompt": "Where?", "a": "Here."}\n' * 3)
    fake.shown[f"{PLACE}/lt_1"] = {"kind": "pair"}
    fake.refusals[f"{PLACE}/lt_1/items"] = error(
        "InvalidInput", "The field 'items.2.pair.b' is required.", "items.2.pair.b"
    )
    ended = headrace("labelling", "add", "lt_1", str(items))
    assert ended.code == 1
    assert "Item line-3: The field 'items.2.pair.b' is required." in ended.err
