"""What is kept to be rated, votes and rows, against the local cloud."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Put, Value
from chalicelib.adapters.feedback_objects import FeedbackObjects
from chalicelib.adapters.records.feedback import MAX_VOTES, VOTE_DAYS, FeedbackTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.rating_arms import RatingArms
from chalicelib.adapters.s3 import S3Objects
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.answer_log import ASKED_DAYS, LoggedAnswer, QuotedSpan, RatedSpan
from chalicelib.contracts.feedback import FeedbackRow
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.rollouts import ArmCounts
from chalicelib.errors import Conflict, NotFound
from chalicelib.retrieval.answer.answer_log import EmbeddedAnswer, RatedAnswer
from chalicelib.retrieval.ids import pages_key
from chalicelib.retrieval.search.feedback_boost import pack_vector
from tests.cloud import CloudProcess
from tests.integration.adapters.test_stores import bucket, name, table

__all__ = ["bucket", "name", "table"]

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUOTED = QuotedSpan(
    document_id="doc_a", version="v_1", page=1, start=0, end=9, path="a.md", quote="The pump."
)
DAY = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Counted(DynamoTable):
    """A table that counts how often it is queried."""

    queries = 0

    def query(self, *given: Any, **named: Any) -> Any:
        self.queries += 1
        return super().query(*given, **named)


def kept(n: int = 1, question: str = "What hums?") -> EmbeddedAnswer:
    asked = LoggedAnswer(
        id=f"ans_{n:026}",
        kind="answer",
        question=question,
        asked_as=question,
        answer="The pump. [1]",
        tier="extractive",
        cited=(QUOTED,),
        shown=(QUOTED.bare_span,),
        model="minilm",
        asked_at=NOW,
    )
    return EmbeddedAnswer(asked, pack_vector([0.6, -0.8]))


def rated(n: int = 1, *versions: tuple[str, str]) -> RatedAnswer:
    ulid = f"{n:026}"
    return RatedAnswer(ulid, f"feedback/acme/2026-01-02/fb_{ulid}.json", versions)


def marks(mark: int = 1, document: str = "doc_a") -> Sequence[RatedSpan]:
    place = QUOTED.bare_span.model_dump() | {"document_id": document, "mark": mark}
    return (RatedSpan.model_validate(place),)


def state_of(table: DynamoTable, tenant: str = "acme") -> int:
    index = IngestTable(table).live_index(tenant)
    assert index is not None
    return index.votes


@pytest.fixture(autouse=True)
def _tenants(table: DynamoTable) -> None:
    for tenant in ("acme", "rival"):
        pointer = {"vector_bucket": "b", "index": tenant, "model": "minilm"}
        table.put(Put({"pk": f"TENANT#{tenant}", "sk": "TENANT", **pointer}))
    for document in ("doc_a", "doc_b"):
        put_document(table, document, "v_1")


def put_document(table: DynamoTable, document: str, version: str) -> None:
    item: dict[str, Value] = {"document_id": document, "version": version}
    table.put(Put({"pk": "TENANT#acme", "sk": f"DOCUMENT#{document}", **item}))


def test_what_was_asked_comes_back_whole_to_its_tenant_for_thirty_days(table: DynamoTable) -> None:
    clock = Clock()
    records = FeedbackTable(table, clock)
    long = kept(question="What hums? " * 700)
    records.put_answer("acme", long)
    assert records.get_answer("acme", long.answer.id) == long
    assert records.get_answer("rival", long.answer.id) is None
    assert records.get_answer("acme", "ans_none") is None
    clock.now += ASKED_DAYS * DAY - 1
    assert records.get_answer("acme", long.answer.id) == long
    clock.now += 1
    assert records.get_answer("acme", long.answer.id) is None


def test_what_is_kept_of_a_usual_question_takes_two_write_units_at_the_most(
    table: DynamoTable,
) -> None:
    usual = kept()
    shown = tuple(
        QUOTED.bare_span.model_copy(
            update={"document_id": f"doc_{n:024}", "version": f"v_{n * 7:024}"}
        )
        for n in range(5)
    )
    asked = usual.answer.model_copy(update={"shown": shown})
    FeedbackTable(table).put_answer("acme", EmbeddedAnswer(asked, bytes(range(256)) + bytes(128)))
    (item,) = table.query("TENANT#acme", "ASKED#")
    assert sum(len(name) + len(str(value).encode()) for name, value in item.items()) < 2_048 * 2
    assert len(item["asked"]) + len(item["vector"]) < 1_900


def test_a_vote_counts_at_once_and_a_second_rating_takes_its_place(table: DynamoTable) -> None:
    records = FeedbackTable(table)
    assert state_of(table) == 0
    records.rate("acme", rated(), kept(), marks(1), "up")
    (vote,) = records.votes("acme", state_of(table))
    assert (vote.model, vote.marks) == ("minilm", tuple(marks(1)))
    assert vote.vector == pytest.approx((0.6, -0.8), abs=0.01)
    records.rate("acme", rated(), kept(), marks(-1), "up")
    (vote,) = records.votes("acme", state_of(table))
    assert vote.marks == tuple(marks(-1))
    records.rate("acme", rated(), kept(), (), "up")
    assert records.votes("acme", state_of(table)) == ()


def test_votes_are_their_tenant_s_own(table: DynamoTable) -> None:
    records = FeedbackTable(table)
    records.rate("acme", rated(), kept(), marks(), "up")
    assert state_of(table, "rival") == 0
    assert records.votes("rival", 1) == ()


def test_votes_are_read_once_for_as_long_as_none_changes_and_never_where_there_are_none(
    table: DynamoTable, cloud: CloudProcess, name: str
) -> None:
    counted = Counted(cloud.client("dynamodb"), name)
    reading, writing = FeedbackTable(counted), FeedbackTable(table)
    assert reading.votes("acme", state_of(table)) == ()
    assert counted.queries == 0
    writing.rate("acme", rated(1), kept(1), marks(), "up")
    for _ in range(3):
        assert len(reading.votes("acme", state_of(table))) == 1
    assert counted.queries == 1
    writing.rate("acme", rated(2), kept(2), marks(), "up")
    assert len(reading.votes("acme", state_of(table))) == 2
    assert counted.queries == 2


def test_only_the_newest_votes_count_and_none_for_ever(table: DynamoTable) -> None:
    clock = Clock()
    records = FeedbackTable(table, clock)
    for n in range(1, MAX_VOTES + 4):
        records.rate("acme", rated(n), kept(n), marks(1, f"doc_{n}"), "up")
    found = records.votes("acme", state_of(table))
    assert [vote.marks[0].document_id for vote in found] == [
        f"doc_{n}" for n in range(MAX_VOTES + 3, 3, -1)
    ]
    clock.now += VOTE_DAYS * DAY
    assert records.votes("acme", state_of(table) + 1) == ()


def test_a_tenant_that_is_being_removed_takes_no_rating(table: DynamoTable) -> None:
    table.put(Put({"pk": "TENANT#acme", "sk": "TENANT", "removing": "job"}))
    with pytest.raises(Conflict):
        FeedbackTable(table).rate("acme", rated(), kept(), marks(), "up")
    assert list(table.query("TENANT#acme", "VOTE#")) == []


@pytest.mark.parametrize("version", ["", None])
def test_a_document_that_is_removed_or_gone_takes_no_rating(
    table: DynamoTable, version: str | None
) -> None:
    if version is None:
        table.delete(Delete(("TENANT#acme", "DOCUMENT#doc_b")))
    else:
        put_document(table, "doc_b", version)
    records = FeedbackTable(table)
    with pytest.raises(Conflict):
        records.rate("acme", rated(1, ("doc_a", "v_1"), ("doc_b", "v_1")), kept(), marks(), "up")
    assert state_of(table) == 0
    assert list(records.rated_with("acme", "doc_a")) == []
    assert list(table.query("TENANT#acme", "VOTE#")) == []


def test_a_rating_stands_until_one_of_its_documents_takes_it_along(table: DynamoTable) -> None:
    records = FeedbackTable(table)
    whole = rated(1, ("doc_a", "v_1"), ("doc_b", "v_1"))
    records.rate("acme", whole, kept(), marks(), "up")
    assert records.stands("acme", whole)
    records.forget_rating("acme", rated(1, ("doc_b", "v_1")))
    assert not records.stands("acme", whole)
    assert records.stands("acme", rated(2))


def test_a_rating_is_found_by_its_documents_and_forgotten(table: DynamoTable) -> None:
    records = FeedbackTable(table)
    records.rate("acme", rated(1, ("doc_a", "v_1"), ("doc_b", "v_7")), kept(1), marks(), "up")
    records.rate("acme", rated(2, ("doc_b", "v_7")), kept(2), marks(1, "doc_b"), "up")
    assert list(records.rated_with("acme", "doc_a")) == [rated(1, ("doc_a", "v_1"))]
    assert list(records.rated_with("rival", "doc_a")) == []
    assert list(records.rated_with("acme", "doc_b")) == [
        rated(1, ("doc_b", "v_7")),
        rated(2, ("doc_b", "v_7")),
    ]
    assert len(records.votes("acme", state_of(table))) == 2
    assert records.forget_rating("acme", rated(1, ("doc_a", "v_1"))) == 2
    assert list(records.rated_with("acme", "doc_a")) == []
    assert len(records.votes("acme", state_of(table))) == 1


def test_a_row_is_one_line_and_a_second_rating_writes_over_the_first(
    cloud: CloudProcess, bucket: str
) -> None:
    rows = FeedbackObjects(StreamedObjects(cloud.client("s3")), bucket)
    row = FeedbackRow(
        feedback_id="fb_1",
        rating="down",
        correction="The gate.\nNot the pump.",
        asked=kept().answer,
        received_at=NOW,
    )
    rows.write_row("feedback/acme/2026-01-02/fb_1.json", row)
    rows.write_row("feedback/acme/2026-01-02/fb_1.json", row.model_copy(update={"rating": "up"}))
    body = S3Objects(cloud.client("s3")).read(bucket, "feedback/acme/2026-01-02/fb_1.json")
    assert body.count(b"\n") == 1
    assert body.endswith(b"\n")
    found = FeedbackRow.model_validate_json(body)
    assert (found.rating, found.correction) == ("up", row.correction)
    assert json.loads(body)["asked"]["cited"][0]["quote"] == "The pump."


def test_the_text_of_a_page_is_read_up_to_it(cloud: CloudProcess, bucket: str) -> None:
    objects = StreamedObjects(cloud.client("s3"))
    pages = [Page(page=n, text=f"Page {n}, é.") for n in range(1, 4)]
    objects.write(bucket, pages_key("acme", "doc_a", "v_1"), dump_lines(pages), {})
    rows = FeedbackObjects(objects, bucket)
    assert rows.page_text("acme", "doc_a", "v_1", 2) == "Page 2, é."
    with pytest.raises(NotFound):
        rows.page_text("acme", "doc_a", "v_1", 4)
    with pytest.raises(NotFound):
        rows.page_text("rival", "doc_a", "v_1", 1)


def test_a_rating_counts_for_the_arm_that_answered_and_once(table: DynamoTable) -> None:
    records, arms = FeedbackTable(table), RatingArms(table)
    for n, arm in enumerate(("live", "candidate", "candidate"), start=1):
        place = {"rollout_id": "rol_1", "arm": arm}
        mine = EmbeddedAnswer(kept(n).answer.model_copy(update=place), kept(n).vector)
        records.rate("acme", rated(n), mine, marks(), "down")
    records.rate("acme", rated(3), mine, marks(), "up")
    records.rate("acme", rated(4), kept(4), marks(), "down")
    assert arms.counts("acme", "rol_1", NOW) == {
        "live": ArmCounts(calls=1, events=1),
        "candidate": ArmCounts(calls=2, events=1),
    }
    nothing = {"live": ArmCounts(), "candidate": ArmCounts()}
    assert arms.counts("acme", "rol_1", NOW + timedelta(milliseconds=1)) == nothing
    assert arms.counts("rival", "rol_1", NOW) == nothing
