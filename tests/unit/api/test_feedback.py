"""`POST /v1/feedback`, and what it changes of the next search and answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.documents import Version
from chalicelib.contracts.feedback import FeedbackReceived
from chalicelib.contracts.search import Hit
from chalicelib.errors import Transient
from chalicelib.retrieval.answer.answer_log import NOT_LOGGED
from chalicelib.retrieval.search.feedback_boost import MAX_BOOST
from tests.soak import often
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.records import NOW, document
from tests.unit.retrieval.fakes import hit

PUMP = "The pump weighs 41 kg. It hums."
GATE = "The gate weighs 9 t. It creaks."
QUESTION = {"question": "The pump weighs how much kg?"}


def api(*hits: Hit) -> Api:
    """The API with documents `doc_a` of one page and the version `v_1`, and what a search finds."""
    made = Api(list(hits or (hit(PUMP),)))
    for name in ("doc_a", "doc_b"):
        made.records.add(document(f"{name}.md", document_id=name, version="v_1"))
        for version in ("v_0", "v_1"):
            made.records.uploads["acme", name, version] = Version.model_validate(
                {
                    "document_id": name,
                    "version": version,
                    "order": "1",
                    "collection": "default",
                    "path": f"{name}.md",
                    "bytes": 1,
                    "bucket": "b",
                    "key": "k",
                    "object_version_id": "o",
                    "status": "ready",
                    "execution_arn": "arn",
                    "attempt": 1,
                    "pages": 1,
                    "created_at": NOW,
                    "updated_at": NOW,
                }
            )
            made.rows.pages["acme", name, version, 1] = PUMP
    return made


def asked(api: Api, **body: object) -> dict[str, Any]:
    found: dict[str, Any] = api.call("POST", "/v1/ask", {**QUESTION, **body}).json_body
    return found


def searched(api: Api, **body: object) -> dict[str, Any]:
    whole = {"query": "pump", "rateable": True, **body}
    found: dict[str, Any] = api.call("POST", "/v1/search", whole).json_body
    return found


def rated(api: Api, **body: object) -> dict[str, Any]:
    answer = api.call("POST", "/v1/feedback", body)
    assert answer.status_code == 201, answer.json_body
    found: dict[str, Any] = answer.json_body
    return found


def better(document_id: str = "doc_a", **fields: object) -> dict[str, object]:
    return {"document_id": document_id, "page": 1, "start": 0, "end": 22, **fields}


def test_an_answer_is_kept_with_what_it_rests_on() -> None:
    made = api()
    answer = asked(made)
    asked_ = made.ratings.kept["acme", answer["answer_id"]].answer
    assert (asked_.kind, asked_.question, asked_.answer) == (
        "answer",
        QUESTION["question"],
        answer["answer"],
    )
    assert [place.quote for place in asked_.cited] == [
        each["quote"] for each in answer["citations"]
    ]
    assert [(place.document_id, place.end) for place in asked_.shown] == [("doc_a", len(PUMP))]


def test_a_refusal_can_be_rated_and_moves_nothing() -> None:
    made = api()
    answer = asked(made, question="Who won in 1998?")
    assert not answer["answered"]
    told = rated(made, answer_id=answer["answer_id"], rating="down", correction="France.")
    assert told["ranks"] is False
    (row,) = made.rows.written.values()
    assert (row.correction, row.asked.answer, row.marks) == ("France.", answer["answer"], ())


def test_a_rating_is_kept_for_training_under_a_key_that_says_whose_it_is_first() -> None:
    made = api()
    answer = asked(made)
    told = rated(
        made,
        answer_id=answer["answer_id"],
        rating="down",
        correction="41 kg, with oil.",
        better_passage=better(),
        comment="No oil.",
    )
    (key,) = made.rows.written
    assert key == f"feedback/acme/2026-01-02/{told['feedback_id']}.json"
    row = made.rows.written[key]
    assert (row.rating, row.correction, row.comment) == ("down", "41 kg, with oil.", "No oil.")
    assert row.better_passage is not None
    assert (row.better_passage.version, row.better_passage.quote) == ("v_1", PUMP[:22])
    assert [mark.mark for mark in row.marks] == [1]
    (rating,) = made.ratings.rated
    assert (rating.key, rating.versions) == (key, (("doc_a", "v_1"),))


def test_a_rating_is_told_of_on_the_bus_without_what_was_said() -> None:
    made = api()
    answer = asked(made)
    rated(made, answer_id=answer["answer_id"], rating="up", correction="secret")
    (event,) = made.bus.events
    assert isinstance(event, FeedbackReceived)
    assert (event.rated, event.kind, event.rating) == (answer["answer_id"], "answer", "up")
    assert (event.corrected, event.ranks) == (True, True)
    assert "secret" not in event.model_dump_json()
    assert event.correlation_id


def test_rating_the_same_again_takes_the_place_of_what_was_said_before() -> None:
    made = api()
    answer_id = asked(made)["answer_id"]
    first = rated(made, answer_id=answer_id, rating="up")
    second = rated(made, answer_id=answer_id, rating="down")
    assert first["feedback_id"] == second["feedback_id"]
    assert [row.rating for row in made.rows.written.values()] == ["down"]
    ((mark,),) = (vote.marks for vote in made.ratings.voted.values())
    assert mark.mark == -1


def test_an_idempotency_key_gives_one_answer_and_one_event() -> None:
    made = api()
    body = {"answer_id": asked(made)["answer_id"], "rating": "up"}
    first = made.call("POST", "/v1/feedback", body, idempotency_key="k")
    again = made.call("POST", "/v1/feedback", body, idempotency_key="k")
    assert first.json_body == again.json_body
    assert len(made.bus.events) == 1
    other = made.call("POST", "/v1/feedback", body | {"rating": "down"}, idempotency_key="k")
    assert other.status_code == 409


def test_an_answer_that_is_given_again_for_its_key_is_kept_once() -> None:
    made = api()
    answers = [
        made.call("POST", "/v1/ask", QUESTION, idempotency_key="k").json_body for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(made.ratings.kept) == 1


def test_a_passage_rated_down_goes_behind_one_as_good_and_says_so() -> None:
    made = api(
        hit(PUMP, score=0.0328),
        hit("A pump.", start=100, score=0.0320),
        hit(GATE, start=200, score=0.02),
    )
    search_id = searched(made)["search_id"]
    assert rated(made, search_id=search_id, rating="down")["ranks"] is True
    found = searched(made)["hits"]
    assert [each["start"] for each in found] == [100, 0, 200]
    moved = found[1]
    assert moved["scores"]["feedback"] == pytest.approx(-MAX_BOOST * 0.0328)
    assert moved["score"] == pytest.approx(0.0328 + moved["scores"]["feedback"])
    assert [found[n]["scores"]["feedback"] for n in (0, 2)] == [None, None]
    unlike = searched(made, query="creaking gate")["hits"]
    assert all(each["scores"]["feedback"] is None for each in unlike)


def test_a_rating_moves_what_is_found_before_it_is_cut_off() -> None:
    made = api(hit(PUMP, score=0.0328), hit(PUMP, start=100, score=0.0320))
    first = searched(made, top_k=1)
    assert [each["start"] for each in first["hits"]] == [0]
    made.rows.pages["acme", "doc_a", "v_1", 1] = "x" * 200
    passage = better(start=100, end=100 + len(PUMP))
    rated(made, search_id=first["search_id"], rating="down", better_passage=passage)
    assert [each["start"] for each in searched(made, top_k=1)["hits"]] == [100]


def test_all_pages_of_a_search_are_one_to_rate() -> None:
    made = api(*(hit(PUMP, start=100 * n, score=1 - n / 100) for n in range(5)))
    first = searched(made, limit=2)
    second = searched(made, limit=2, cursor=first["next_cursor"])
    third = searched(made, limit=2, cursor=second["next_cursor"])
    assert first["search_id"] == second["search_id"] == third["search_id"]
    assert third["next_cursor"] is None
    assert len(made.ratings.kept) == 1
    (kept,) = made.ratings.kept.values()
    assert [(place.start, place.quote) for place in kept.answer.cited] == [(0, "")]


def test_a_search_should_be_kept_where_it_is_asked_to_be_or_its_tenant_has_rated() -> None:
    made = api()
    assert searched(made, rateable=None)["search_id"] == ""
    assert made.ratings.kept == {}
    rated(made, answer_id=asked(made)["answer_id"], rating="up")
    kept = searched(made, rateable=None)
    assert rated(made, search_id=kept["search_id"], rating="up")["ranks"] is True
    not_kept = searched(made, rateable=False)
    assert (not_kept["search_id"], not_kept["notices"]) == ("", [])


def test_what_cannot_be_kept_fails_nothing_and_cannot_be_rated() -> None:
    made = api()
    made.ratings.fails = Transient("the table is away")
    for found, name in ((asked(made), "answer_id"), (searched(made), "search_id")):
        assert found[name] == ""
        assert NOT_LOGGED in found["notices"]
    assert asked(made)["answered"]


def test_a_rating_of_a_version_that_answers_no_more_moves_nothing() -> None:
    made = api()
    answer = asked(made)
    made.records.add(document("doc_a.md", document_id="doc_a", version="v_2"))
    told = rated(made, answer_id=answer["answer_id"], rating="down")
    assert told["ranks"] is False
    assert made.ratings.voted == {}
    assert len(made.rows.written) == 1


def test_an_old_version_can_be_named_and_moves_nothing() -> None:
    made = api()
    answer = asked(made)
    old = better("doc_b", version="v_0")
    rated(made, answer_id=answer["answer_id"], rating="up", better_passage=old)
    (row,) = made.rows.written.values()
    assert [mark.document_id for mark in row.marks] == ["doc_a"]


def test_an_answer_from_a_document_that_was_deleted_cannot_be_rated() -> None:
    made = api()
    answer = asked(made)
    del made.records.stored["acme"]["doc_a"]
    refused = made.call("POST", "/v1/feedback", {"answer_id": answer["answer_id"], "rating": "up"})
    assert (refused.status_code, error_of(refused)["field"]) == (404, "answer_id")
    assert made.rows.written == {}


def test_a_row_goes_again_where_its_document_went_while_it_was_written() -> None:
    made = api()
    body = {"answer_id": asked(made)["answer_id"], "rating": "up"}
    made.ratings.is_removed = True
    assert made.call("POST", "/v1/feedback", body).status_code == 404
    assert (made.rows.written, made.bus.events) == ({}, [])


def test_another_tenant_s_answer_is_one_that_never_was() -> None:
    made = api()
    body = {"answer_id": asked(made)["answer_id"], "rating": "up"}
    theirs = made.call("POST", "/v1/feedback", body, key=OTHER_KEY)
    never = made.call("POST", "/v1/feedback", body | {"answer_id": "ans_x"})
    assert theirs.status_code == never.status_code == 404
    assert (
        error_of(theirs)["message"].replace(body["answer_id"], "ans_x")
        == (error_of(never)["message"])
    )
    assert (made.rows.written, made.bus.events) == ({}, [])


@pytest.mark.parametrize("name", ["answer_id", "search_id"])
def test_an_answer_is_no_search_and_a_search_no_answer(name: str) -> None:
    made = api()
    known = {"answer_id": searched(made)["search_id"], "search_id": asked(made)["answer_id"]}
    refused = made.call("POST", "/v1/feedback", {name: known[name], "rating": "up"})
    assert (refused.status_code, error_of(refused)["field"]) == (404, name)


@pytest.mark.parametrize(
    ("passage", "status", "field", "limit"),
    [
        (better("doc_x"), 404, "better_passage.document_id", None),
        (better(version="v_9"), 404, "better_passage.version", None),
        (better(page=2), 400, "better_passage.page", "1"),
        (better(page=0), 400, "better_passage.page", "1"),
        (better(end=len(PUMP) + 1), 400, "better_passage.end", str(len(PUMP))),
        (better(start=22), 400, "better_passage.end", None),
        (better(start=-1), 400, "better_passage.start", "0"),
        (better(end=8_001), 400, "better_passage.end", "8000"),
        (better(quote="x"), 400, "better_passage.quote", None),
    ],
)
def test_a_better_passage_that_is_none_is_refused_by_field_and_limit(
    passage: dict[str, object], status: int, field: str, limit: str | None
) -> None:
    made = api()
    body = {"answer_id": asked(made)["answer_id"], "rating": "down", "better_passage": passage}
    refused = made.call("POST", "/v1/feedback", body)
    assert refused.status_code == status
    assert (error_of(refused)["field"], error_of(refused)["limit"]) == (field, limit)
    assert (made.rows.written, made.ratings.voted) == ({}, {})


@pytest.mark.parametrize(
    ("body", "field", "limit"),
    [
        ({"rating": "up"}, "body", None),
        ({"answer_id": "a", "search_id": "b", "rating": "up"}, "body", None),
        ({"answer_id": "a"}, "rating", None),
        ({"answer_id": "a", "rating": "meh"}, "rating", "'up' or 'down'"),
        ({"answer_id": "a", "rating": "up", "correction": "x" * 4001}, "correction", "4000"),
        ({"answer_id": "a", "rating": "up", "comment": "x" * 2001}, "comment", "2000"),
        ({"answer_id": "a" * 65, "rating": "up"}, "answer_id", "64"),
        ({"answer_id": "a", "rating": "up", "stars": 5}, "stars", None),
    ],
)
def test_a_wrong_body_is_refused_by_field_and_limit(
    body: dict[str, object], field: str, limit: str | None
) -> None:
    refused = Api().call("POST", "/v1/feedback", body)
    assert refused.status_code == 400
    assert (error_of(refused)["field"], error_of(refused)["limit"]) == (field, limit)


SHARED = api()
ANSWER = asked(SHARED)["answer_id"]
numbers = st.integers(-2, 60) | st.none() | st.just("1")


@settings(max_examples=often(80, 20), deadline=None)
@given(
    st.fixed_dictionaries(
        {"document_id": st.sampled_from(["doc_a", "doc_b", "doc_c", ""]), "page": numbers},
        optional={"start": numbers, "end": numbers, "version": st.sampled_from(["v_1", "", "x"])},
    )
)
def test_whatever_passage_is_named_it_stands_on_the_page_or_is_refused(
    passage: dict[str, Any],
) -> None:
    SHARED.rows.written.clear()
    body = {"answer_id": ANSWER, "rating": "down", "better_passage": passage}
    answer = SHARED.call("POST", "/v1/feedback", body)
    if answer.status_code != 201:
        assert answer.status_code in (400, 404)
        assert error_of(answer)["field"].startswith("better_passage")
        assert SHARED.rows.written == {}
        return
    (row,) = SHARED.rows.written.values()
    assert row.better_passage is not None
    assert row.better_passage.quote == PUMP[passage["start"] : passage["end"]] != ""
