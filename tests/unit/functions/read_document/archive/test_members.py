"""The files of archives and mails become uploads of their own, each once, none outside."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.inbox_metadata import Member, read_inbox_metadata
from chalicelib.contracts.ingest import ReadRequest
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.retrieval.ids import InboxPlace, members_key, parse_inbox_key
from functions.read_document.archive import members
from functions.read_document.archive.members import clean_name, is_litter, put_members
from functions.read_document.pages import Attachment
from tests.unit.ingest.examples import work
from tests.unit.ingest.fakes import FakeObjects

KEY = "inbox/acme/default/a.zip"
LIMIT = 1_000


def file(name: str, data: bytes = b"text") -> Attachment:
    return Attachment(name, len(data), lambda: data)


def damaged() -> bytes:
    raise InvalidInput("damaged")


def container(**told: object) -> ReadRequest:
    return ReadRequest.model_validate({**work(key=KEY).model_dump(), **told})


def put(objects: FakeObjects, *files: Attachment, **told: object) -> members.StoredMembers:
    return put_members(files, container(**told), objects, LIMIT)


def noted(objects: FakeObjects) -> list[Member]:
    asked = container()
    key = members_key(asked.tenant, asked.document_id, asked.version)
    return [Member.model_validate_json(line) for line in objects.bodies[key].splitlines()]


def test_a_member_should_lie_below_its_container_and_carry_it() -> None:
    objects = FakeObjects()
    told = {"metadata": {"team": "weir"}, "depth": 1, "correlation_id": "req-1"}
    assert put(objects, file("docs/a.txt"), **told).count == 1
    carried = read_inbox_metadata(objects.facts[f"{KEY}/docs/a.txt"])
    assert (carried.container, carried.depth) == (container().document_id, 2)
    assert (carried.metadata, carried.correlation_id) == ({"team": "weir"}, "req-1")
    assert objects.bodies[f"{KEY}/docs/a.txt"] == b"text"
    place = InboxPlace("acme", "default", "a.zip/docs/a.txt")
    assert noted(objects) == [Member(document_id=place.document_id, path=place.path)]


def test_a_repeat_should_put_nothing_but_what_changed() -> None:
    objects = FakeObjects()
    put(objects, file("a.txt"), file("b.txt"))
    objects.bodies[f"{KEY}/a.txt"] = b"marked, as it is not written again"
    assert put(objects, file("a.txt"), file("b.txt", b"new"), correlation_id="other").count == 2
    assert objects.bodies[f"{KEY}/a.txt"].startswith(b"marked")
    assert objects.bodies[f"{KEY}/b.txt"] == b"new"


def test_members_should_be_written_down_before_the_first_is_put() -> None:
    class Broken(FakeObjects):
        def write(self, bucket: str, key: str, body: bytes, metadata: object) -> None:
            if key.startswith("inbox/"):
                raise ConnectionError
            self.bodies[key] = body

    objects = Broken()
    with pytest.raises(ConnectionError):
        put(objects, file("a.txt"), file("b.txt"))
    assert [member.path for member in noted(objects)] == ["a.zip/a.txt", "a.zip/b.txt"]


def test_what_cannot_be_a_document_should_be_left_out_and_told() -> None:
    found = put(
        FakeObjects(),
        file("good.txt"),
        file("empty.txt", b""),
        file("large.txt", bytes(LIMIT + 1)),
        Attachment("torn.txt", 4, damaged),
    )
    assert found.count == 1
    told = " ".join(found.notices)
    for words in ("they are empty: 1. empty.txt", "large.txt", "they are damaged: 1. torn.txt"):
        assert words in told


def test_a_container_of_damaged_files_only_should_be_refused() -> None:
    with pytest.raises(InvalidInput, match="damaged"):
        put(FakeObjects(), Attachment("torn.txt", 4, damaged))


def test_a_container_within_three_others_should_not_be_unpacked() -> None:
    objects = FakeObjects()
    found = put(objects, file("a.txt"), depth=members.MAX_DEPTH)
    assert found.count == 0
    assert "3 containers deep" in found.notices[0]
    assert objects.bodies == {}


def test_a_name_that_leads_out_should_refuse_the_whole_container() -> None:
    objects = FakeObjects()
    with pytest.raises(InvalidInput, match="leads out"):
        put(objects, file("good.txt"), file("x/../../evil.txt"))
    assert objects.bodies == {}


def test_too_many_or_too_large_members_should_refuse_the_container() -> None:
    many = [file(f"{n}.txt") for n in range(members.MAX_MEMBERS + 1)]
    with pytest.raises(Unsupported, match="the limit is 1,000"):
        put(FakeObjects(), *many)
    huge = Attachment("a", members.MAX_TOTAL_BYTES, lambda: b"")
    with pytest.raises(Unsupported, match="512 MiB"):
        put(FakeObjects(), huge, huge)


def test_files_of_one_name_should_each_get_a_place() -> None:
    objects = FakeObjects()
    put(objects, file("a.txt"), file("a.txt", b"2"), file(""), file("./"))
    names = [member.path.removeprefix("a.zip/") for member in noted(objects)]
    assert names == ["a.txt", "a-2.txt", "file-3", "file-4"]


def test_a_name_that_is_too_long_should_be_shortened_but_keep_its_kind() -> None:
    objects = FakeObjects()
    put(objects, file("n" * 600 + ".docx"), file("é" * 450 + ".csv"))
    paths = [PurePosixPath(member.path) for member in noted(objects)]
    assert [path.suffix for path in paths] == [".docx", ".csv"]
    long = container(path="p" * 505, key="inbox/acme/default/" + "p" * 505)
    found = put_members([file("file.txt")], long, FakeObjects(), LIMIT)
    assert "path would be too long" in found.notices[0]


@pytest.mark.parametrize(
    "name", ["__MACOSX/._a.txt", "x/.DS_Store", "Thumbs.db", "a/desktop.ini", "smime.p7s"]
)
def test_what_systems_leave_behind_should_be_known(name: str) -> None:
    assert is_litter(name)
    assert not is_litter(f"{name}.txt") or "__MACOSX" in name


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_name_should_stay_below_its_container(name: str) -> None:
    try:
        cleaned = clean_name(name)
    except InvalidInput:
        assert ".." in name
        return
    objects = FakeObjects()
    put(objects, file(name))
    (key,) = [key for key in objects.bodies if key.startswith("inbox/")]
    assert key.startswith(f"{KEY}/")
    assert parse_inbox_key(key).document_id != container().document_id
    assert ".." not in key.split("/")
    assert clean_name(cleaned) == cleaned
