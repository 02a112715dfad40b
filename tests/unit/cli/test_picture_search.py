"""`search --image`."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

LABELS = [{"name": "tabby, tabby cat", "share": 0.4613}, {"name": "lynx", "share": 0.0561}]
HIT = {
    "path": "pets/a.gif",
    "page": 1,
    "start": 0,
    "end": 20,
    "heading": "",
    "score": 0.9,
    "text": "Picture a.gif: tabby, tabby cat",
    "labels": LABELS,
}
FOUND: dict[str, object] = {"hits": [HIT], "seen": LABELS, "notices": [], "receipt": None}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    made = tmp_path / "cat.JPG"
    made.write_bytes(b"\xff\xd8\xff of a cat")
    return made


def test_should_send_the_picture_and_say_what_is_seen(
    headrace: Headrace, fake: FakeHeadrace, picture: Path
) -> None:
    fake.answer = FOUND
    ended = headrace("search", "--image", str(picture), "--top-k", "3")
    assert ended.code == 0, ended.err
    data = base64.b64encode(picture.read_bytes()).decode()
    sent = {"image": {"media_type": "image/jpeg", "data": data}, "top_k": 3, "rateable": True}
    assert fake.requests[-1] == ("POST", "/v1/search", sent)
    assert ended.out.count("tabby, tabby cat (46%); lynx (6%)") == 2


@pytest.mark.parametrize("given", [(), ("a cat", "--image", "PICTURE")])
def test_should_refuse_neither_and_both(
    headrace: Headrace, fake: FakeHeadrace, picture: Path, given: tuple[str, ...]
) -> None:
    ended = headrace("search", *(each.replace("PICTURE", str(picture)) for each in given))
    assert ended.code == 2
    assert "one of them" in ended.err
    assert fake.requests == []


def test_should_refuse_a_file_that_is_not_called_a_picture(
    headrace: Headrace, fake: FakeHeadrace, tmp_path: Path
) -> None:
    other = tmp_path / "cat.tiff"
    other.write_bytes(b"II*")
    ended = headrace("search", "--image", str(other))
    assert ended.code == 2
    assert ".webp" in ended.err
