"""Questions with the passages that people rated, as rows that an embedder is trained on."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.contracts.answer_log import LoggedAnswer, LoggedKind, QuotedSpan, Rating
from chalicelib.contracts.feedback import FeedbackRow
from chalicelib.contracts.ingest import Chunk
from chalicelib.labelling.search_pairs import collect_search_pairs
from infra.models.feedback_pairs import FeedbackPairs
from infra.models.training import TrainingError
from infra.stages import StageConnection
from tests.unit.labelling.fakes import NOW


def span(document: str, start: int = 0, end: int = 10) -> QuotedSpan:
    return QuotedSpan(
        document_id=document, version="v_1", page=1, start=start, end=end,
        path=f"files/{document}-notes.txt",
    )  # fmt: skip


def rating(
    name: str,
    question: str,
    rated: Rating,
    cited: tuple[QuotedSpan, ...] = (),
    better: QuotedSpan | None = None,
    kind: LoggedKind = "answer",
) -> FeedbackRow:
    asked = LoggedAnswer(
        id=name, kind=kind, question=question, asked_as=question, cited=cited,
        model="m", asked_at=NOW,
    )  # fmt: skip
    return FeedbackRow(
        feedback_id=name, rating=rated, better_passage=better, asked=asked,
        received_at=NOW + timedelta(seconds=int(name)),
    )  # fmt: skip


PUMP, WEIR, GATE = (span(name) for name in ("pump", "weir", "gate"))
RATED = (
    rating("1", "Which pump?", "up", (PUMP, WEIR)),
    rating("2", "Which weir?", "down", (PUMP,), better=WEIR),
    rating("3", "Which gate?", "down", (PUMP,)),
    rating("4", "Which lake?", "up"),
    rating("5", "Which dam?", "up", (GATE, PUMP), kind="search"),
    rating("6", "Which pump?", "down", (WEIR,), better=WEIR),
)


def test_a_pair_should_come_of_what_was_rated_up_or_named_as_better() -> None:
    found = collect_search_pairs(RATED)
    told = [(each.question, each.passage, each.wrong, each.feedback_id) for each in found.pairs]
    assert told == [
        ("Which pump?", PUMP, None, "1"),
        ("Which weir?", WEIR, PUMP, "2"),
        ("Which dam?", GATE, None, "5"),
    ]
    assert found.dropped == {
        "rated_down_without_a_better_passage": 1,
        "nothing_cited": 1,
        "rated_up_and_down": 1,
    }


@dataclass
class Bucket:
    """A bucket's objects as boto3's client gives them."""

    objects: Mapping[str, bytes]

    def get_paginator(self, _operation: str) -> Bucket:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[Any]:  # noqa: N803
        assert Bucket == "documents"
        yield {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]}
        yield {}

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}


def pairs_of(objects: Mapping[str, bytes], tenant: str = "acme") -> FeedbackPairs:
    outputs = {"DocumentsBucketName": "documents"}
    return FeedbackPairs(StageConnection(lambda _: Bucket(objects), outputs), tenant)


def rated_objects() -> dict[str, bytes]:
    told = {
        f"feedback/acme/2026-11-30/{each.feedback_id}.json": each.model_dump_json().encode()
        for each in RATED
    }
    other = rating("9", "Whose?", "up", (PUMP,)).model_dump_json().encode()
    return {**told, "feedback/acme-co/2026-11-30/9.json": other}


def test_a_passage_should_be_the_chunk_that_was_embedded_with_its_context(tmp_path: Path) -> None:
    chunks = [
        Chunk(n=0, page=1, heading="", start=0, end=4, text="Last"),
        Chunk(n=1, page=1, heading="Care", start=4, end=40, text="It weighs\u2028 41 kg."),
    ]
    lines = "\n".join(each.model_dump_json() for each in chunks).encode()
    objects = rated_objects()
    objects |= {f"documents/acme/{name}/v_1/chunks.jsonl": lines for name in ("pump", "weir")}
    objects["feedback/acme/2026-11-30/7.json"] = b"{}"
    dropped = pairs_of(objects).write(tmp_path / "rows.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_bytes().splitlines()]
    assert rows == [
        {
            "id": "1",
            "group": "Which pump?",
            "query": "Which pump?",
            "passage": "pump notes: Care\nIt weighs\u2028 41 kg.",
        },
        {
            "id": "2",
            "group": "Which weir?",
            "query": "Which weir?",
            "passage": "weir notes: Care\nIt weighs\u2028 41 kg.",
            "negative": "pump notes: Care\nIt weighs\u2028 41 kg.",
        },
    ]
    assert (dropped["passage_is_gone"], dropped["unreadable"]) == (1, 1)


def test_ratings_that_give_no_pair_should_be_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"No rating of acme names .* passage_is_gone: 3"):
        pairs_of(rated_objects()).write(tmp_path / "rows.jsonl")
    with pytest.raises(TrainingError, match=r"No rating of other .* Left out: none"):
        pairs_of(rated_objects(), "other").write(tmp_path / "rows.jsonl")
