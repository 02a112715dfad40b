from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "papers"
    (made / "sub").mkdir(parents=True)
    (made / "one.txt").write_text("one")
    (made / "sub" / "two.txt").write_text("two")
    return made


def paths(fake: FakeHeadrace) -> set[str]:
    return {str(document["path"]) for document in fake.documents.values()}


def uploads(fake: FakeHeadrace) -> list[str]:
    return [str(body["path"]) for method, path, body in fake.requests if path == "/v1/documents"]


def test_should_upload_what_is_new(fake: FakeHeadrace, headrace: Headrace, folder: Path) -> None:
    ended = headrace("sync", str(folder))
    assert ended.code == 0, ended.err
    assert paths(fake) == {"one.txt", "sub/two.txt"}


def test_should_upload_only_what_changed(
    fake: FakeHeadrace, headrace: Headrace, folder: Path
) -> None:
    headrace("sync", str(folder))
    fake.requests.clear()
    (folder / "one.txt").write_text("another one")
    ended = headrace("sync", str(folder), "--json")
    assert uploads(fake) == ["one.txt"]
    assert {item["path"]: item["state"] for item in ended.json} == {
        "one.txt": "ready",
        "sub/two.txt": "unchanged",
    }


def test_should_keep_what_is_gone_unless_told_to_delete(
    fake: FakeHeadrace, headrace: Headrace, folder: Path
) -> None:
    headrace("sync", str(folder))
    (folder / "one.txt").unlink()
    headrace("sync", str(folder))
    assert paths(fake) == {"one.txt", "sub/two.txt"}
    ended = headrace("sync", str(folder), "--delete", "--yes", "--json")
    assert paths(fake) == {"sub/two.txt"}
    assert {"one.txt": "deleted"}.items() <= {
        item["path"]: item["state"] for item in ended.json
    }.items()


def test_should_leave_what_an_archive_brought_along(
    fake: FakeHeadrace, headrace: Headrace, folder: Path
) -> None:
    headrace("sync", str(folder))
    for document in fake.documents.values():
        document["container"] = "doc_archive"
    for file in ("one.txt", "sub/two.txt"):
        (folder / file).unlink()
    assert headrace("sync", str(folder), "--delete", "--yes").code == 0
    assert paths(fake) == {"one.txt", "sub/two.txt"}


def test_should_only_say_what_it_would_do(
    fake: FakeHeadrace, headrace: Headrace, folder: Path
) -> None:
    headrace("sync", str(folder))
    (folder / "one.txt").unlink()
    (folder / "three.txt").write_text("three")
    fake.requests.clear()
    ended = headrace("sync", str(folder), "--delete", "--dry-run", "--json")
    assert ended.json == [
        {"would": "upload", "path": "three.txt"},
        {"would": "keep", "path": "sub/two.txt"},
        {"would": "delete", "path": "one.txt"},
    ]
    assert {method for method, _, _ in fake.requests} == {"GET"}


def test_should_delete_nothing_where_the_answer_is_no(
    fake: FakeHeadrace,
    headrace: Headrace,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headrace("sync", str(folder))
    (folder / "one.txt").unlink()
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert headrace("sync", str(folder), "--delete").code == 2
    assert paths(fake) == {"one.txt", "sub/two.txt"}


def test_should_try_again_what_was_rejected_and_tell(
    fake: FakeHeadrace, headrace: Headrace, folder: Path
) -> None:
    (folder / "bad.txt").write_text("bad")
    assert headrace("sync", str(folder)).code == 1
    fake.requests.clear()
    assert headrace("sync", str(folder)).code == 1
    assert uploads(fake) == ["bad.txt"]


def test_should_delete_nothing_once_the_endpoint_is_lost(
    fake: FakeHeadrace, headrace: Headrace, folder: Path
) -> None:
    headrace("sync", str(folder))
    (folder / "one.txt").unlink()
    (folder / "gone.txt").write_text("the last one")
    assert headrace("sync", str(folder), "--delete", "--yes").code == 3
    assert paths(fake) == {"one.txt", "sub/two.txt"}
