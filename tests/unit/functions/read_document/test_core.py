from __future__ import annotations

import hashlib

import pytest

from chalicelib.contracts.ingest import Page, ReadRequest
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.errors import Conflict, HeadraceError, InvalidInput
from chalicelib.retrieval.ids import pages_key, version_prefix, words_key
from functions.read_document import core
from functions.read_document.file_types.formats import Identify
from tests.unit.functions.read_document.files import pdf
from tests.unit.ingest.examples import KEY, work
from tests.unit.ingest.fakes import FakeObjects

CONTENT = b"# Handbook\n\nOpen the valve.\n"


class Clock:
    """A second passes at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def deps(objects: FakeObjects, identify: Identify, max_bytes: int = 1000) -> core.Deps:
    return core.Deps(objects, identify, max_bytes, Clock(), memory_gb=0.5)


def request(**changes: str | int) -> ReadRequest:
    return ReadRequest.model_validate({**work().model_dump(), **changes})


def test_a_file_becomes_pages_beside_a_copy_of_itself(identify: Identify) -> None:
    objects = FakeObjects({KEY: CONTENT})
    asked = request()
    result = core.run(asked, deps(objects, identify))
    place = (asked.tenant, asked.document_id, asked.version)
    (page,) = parse_lines(objects.bodies[pages_key(*place)], Page, result.pages)
    assert page.text == "Handbook\n\nOpen the valve."
    assert objects.bodies[version_prefix(*place) + "source"] == CONTENT
    assert result.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (result.bytes, result.characters) == (len(CONTENT), len(page.text))
    assert result.reading.gb_seconds == 0.5


def test_the_words_of_a_format_that_has_places_are_kept_beside_its_pages(
    identify: Identify,
) -> None:
    asked = request(path="a.pdf")
    place = (asked.tenant, asked.document_id, asked.version)
    objects = FakeObjects({KEY: pdf("One page.", "Another.")})
    result = core.run(asked, deps(objects, identify, max_bytes=10_000))
    found = parse_lines(objects.bodies[words_key(*place)], PageWords, result.pages)
    assert [(each.page, len(each.words or ())) for each in found] == [(1, 2), (2, 1)]
    assert objects.facts[words_key(*place)] == {"lines": "2"}
    text = FakeObjects({KEY: CONTENT})
    core.run(request(), deps(text, identify))
    assert words_key(*place) not in text.bodies


def test_the_bytes_that_answer_already_are_a_conflict_and_write_nothing(
    identify: Identify,
) -> None:
    objects = FakeObjects({KEY: CONTENT})
    ready = {"ready_version": "v_old", "ready_sha256": hashlib.sha256(CONTENT).hexdigest()}
    with pytest.raises(Conflict, match="v_old"):
        core.run(request(**ready), deps(objects, identify))
    assert list(objects.bodies) == [KEY]


def test_a_file_over_the_limit_is_refused_before_it_is_fetched(identify: Identify) -> None:
    with pytest.raises(InvalidInput, match=r"3\.0 MiB; the limit is 2\.0 MiB"):
        core.run(request(bytes=3 * 2**20), deps(FakeObjects(), identify, max_bytes=2 * 2**20))


def test_a_file_that_is_larger_than_its_event_said_is_refused(identify: Identify) -> None:
    objects = FakeObjects({KEY: CONTENT})
    with pytest.raises(InvalidInput, match="limit"):
        core.run(request(bytes=1), deps(objects, identify, max_bytes=10))


def test_an_empty_file_is_refused(identify: Identify) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        core.run(request(bytes=0), deps(FakeObjects({KEY: b""}), identify))


def test_an_upload_that_was_deleted_meanwhile_is_refused(identify: Identify) -> None:
    with pytest.raises(InvalidInput, match="deleted"):
        core.run(request(), deps(FakeObjects(), identify))


def test_an_upload_that_is_refused_beforehand_is_rejected_unread(identify: Identify) -> None:
    objects = FakeObjects({KEY: CONTENT})
    with pytest.raises(InvalidInput, match="metadata has 9999 bytes"):
        core.run(request(refusal="metadata has 9999 bytes."), deps(objects, identify))
    assert list(objects.bodies) == [KEY]


def test_pages_that_do_not_add_up_are_a_failure_and_never_taken_for_the_same_bytes(
    identify: Identify,
) -> None:
    class Contradicted(FakeObjects):
        def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
            raise Conflict("The PDF has 3 pages; 2 were read.")

    with pytest.raises(HeadraceError, match="2 were read") as caught:
        core.run(request(), deps(Contradicted({KEY: CONTENT}), identify))
    assert type(caught.value) is HeadraceError
