from __future__ import annotations

import pytest

from chalicelib.contracts.arrivals import ObjectCreated
from chalicelib.errors import InvalidInput
from chalicelib.jobs.ingest_claims import (
    execution_arn,
    execution_name,
    ingest_input,
    with_ready_version,
)
from tests.unit.ingest.examples import document, object_created


def test_an_arrival_says_whose_document_it_is() -> None:
    work = ingest_input(object_created("inbox/acme/manuals/pumps/a b.pdf"))
    assert (work.tenant, work.collection, work.path) == ("acme", "manuals", "pumps/a b.pdf")
    assert work.document_id.startswith("doc_")
    assert work.version.startswith("v_")


def test_the_same_object_version_is_the_same_version_however_often_it_is_told() -> None:
    first, second = (object_created(id=name) for name in ("event-1", "event-2"))
    assert ingest_input(first).version == ingest_input(second).version


def test_another_object_version_is_another_version_of_the_same_document() -> None:
    old, new = (
        ingest_input(object_created(version_id="a")),
        ingest_input(object_created(version_id="b")),
    )
    assert old.document_id == new.document_id
    assert old.version != new.version


@pytest.mark.parametrize(
    "key",
    [
        "inbox/acme/default/",
        "inbox/acme/default",
        "inbox/ACME/default/a.txt",
        "inbox/acme/Über/a.txt",
        "outbox/acme/default/a.txt",
        "inbox/acme/default/folder/",
        "inbox/acme/default/a\nb.txt",
        "inbox/acme/default/" + "x" * 513,
        "inbox/acme/default/" + "ü" * 512,
    ],
)
def test_an_object_that_is_nobody_s_document_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput):
        ingest_input(object_created(key))


def test_work_is_told_which_bytes_answer_now() -> None:
    work = ingest_input(object_created())
    told = with_ready_version(work, document(version="v_old", sha256="abc"))
    assert (told.ready_version, told.ready_sha256) == ("v_old", "abc")


def test_a_document_that_never_answered_tells_work_nothing() -> None:
    work = ingest_input(object_created())
    assert with_ready_version(work, document(version="")) == work
    assert with_ready_version(work, None) == work


def test_an_event_may_carry_fields_that_are_not_known_yet() -> None:
    raw = object_created().model_dump(mode="json", by_alias=True)
    raw["detail"]["object"]["shoe-size"] = 43
    assert ObjectCreated.model_validate(raw) == object_created()


def test_an_execution_s_arn_follows_from_its_name() -> None:
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-dev-ingest"
    assert execution_arn(machine, execution_name("v_a", 2)) == (
        "arn:aws:states:us-east-1:000000000000:execution:headrace-dev-ingest:v_a-2"
    )
