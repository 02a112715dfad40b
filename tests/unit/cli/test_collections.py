from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

REPORTS: dict[str, Any] = {
    "name": "reports",
    "description": "Inspection reports.",
    "fields": {"year": "number", "tags": "strings"},
    "strict": True,
    "picture_model": "emoji-clip",
    "transcriber": "amazon-transcribe",
    "extractor": "bills",
    "declared": True,
    "tally": {
        "documents": {"total": 4, "ready": 3, "failed": 1},
        "pages": 7,
        "chunks": 40,
        "bytes": 9000,
    },
    "partial": False,
    "created_at": "2026-11-27T09:00:00.000Z",
    "updated_at": "2026-11-27T09:00:00.000Z",
}
UNKNOWN = {
    "description": "",
    "fields": {},
    "strict": False,
    "picture_model": None,
    "transcriber": None,
    "extractor": None,
}
DECLARED = {key: REPORTS[key] for key in UNKNOWN}


def test_should_list_what_is_in_each(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["collections"] = {"items": [REPORTS], "partial": True}
    ended = headrace("collections", "ls")
    (row,) = [line for line in ended.out.splitlines() if line.startswith("reports")]
    assert "1 failed, 3 ready" in row
    assert row.split()[-4:] == ["7", "40", "9000", "emoji-clip"]
    assert "more documents than were counted" in ended.err
    assert headrace("collections", "ls", "--json").json["items"] == [REPORTS]


def test_should_show_one(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["reports"] = REPORTS
    ended = headrace("collections", "show", "reports")
    assert ended.out.splitlines() == [
        "Collection: reports",
        "Description: Inspection reports.",
        "Fields: year (number), tags (strings); others are refused",
        "Pictures: by emoji-clip",
        "Recordings: by amazon-transcribe",
        "Extraction on arrival: by bills",
        "Documents: 1 failed, 3 ready",
    ]
    assert headrace("collections", "show", "none").code == 1
    assert headrace("collections", "show", "a/b").code == 1
    assert fake.requests[-1][1] == "/v1/collections/a%2Fb"


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ((), {}),
        (("--description", ""), {"description": ""}),
        (("--picture-model", "shapes-clip"), {"picture_model": "shapes-clip"}),
        (("--picture-model", ""), {"picture_model": None}),
        (("--transcriber", "whisper-base"), {"transcriber": "whisper-base"}),
        (("--transcriber", ""), {"transcriber": None}),
        (("--extractor", "bills@3"), {"extractor": "bills@3"}),
        (("--extractor", ""), {"extractor": None}),
        (("--open",), {"strict": False}),
        (
            ("--field", "team=string", "--field", "tags="),
            {"fields": {"year": "number", "team": "string"}},
        ),
    ],
)
def test_should_change_what_options_name_and_nothing_else(
    fake: FakeHeadrace, headrace: Headrace, options: tuple[str, ...], changes: dict[str, Any]
) -> None:
    fake.documents["reports"] = REPORTS
    ended = headrace("collections", "set", "reports", *options)
    assert ended.code == 0, ended.err
    assert fake.requests[-1] == ("PUT", "/v1/collections/reports", DECLARED | changes)


def test_should_declare_one_that_is_not_there(fake: FakeHeadrace, headrace: Headrace) -> None:
    ended = headrace("collections", "set", "emoji", "--picture-model", "emoji-clip", "--json")
    wanted = UNKNOWN | {"picture_model": "emoji-clip"}
    assert fake.requests[-1] == ("PUT", "/v1/collections/emoji", wanted)
    assert ended.json == wanted | {"name": "emoji"}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("year", "write NAME=TYPE, with a type of string, number, boolean, strings"),
        ("=number", "write NAME=TYPE"),
        ("year=date", "write NAME=TYPE"),
        ("month=", "no field month is declared"),
    ],
)
def test_should_say_what_is_wrong_with_a_field_and_declare_nothing(
    fake: FakeHeadrace, headrace: Headrace, field: str, said: str
) -> None:
    fake.documents["reports"] = REPORTS
    ended = headrace("collections", "set", "reports", "--field", field)
    assert ended.code == 2
    assert said in ended.err
    assert [method for method, _, _ in fake.requests] == ["GET"]


def test_should_declare_nothing_where_it_cannot_tell_what_was(
    fake: FakeHeadrace, headrace: Headrace
) -> None:
    fake.failures = [(403, {})]
    assert headrace("collections", "set", "reports", "--open").code == 1
    assert [method for method, _, _ in fake.requests] == ["GET"]


def test_should_forget_what_was_declared(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["reports"] = {"document_id": "reports"}
    ended = headrace("collections", "forget", "reports")
    assert (ended.code, ended.out) == (0, "Nothing is declared of reports any more.\n")
    assert fake.requests[-1][:2] == ("DELETE", "/v1/collections/reports")
    assert headrace("collections", "forget", "reports").code == 1
