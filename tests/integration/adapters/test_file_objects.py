"""Files as objects, against the local cloud."""

from __future__ import annotations

import uuid

import httpx
import pytest

from chalicelib.adapters.openai_files import FileObjects
from chalicelib.errors import NotFound
from chalicelib.openai.files import file_prefix, upload_key, uploaded_file
from tests.cloud import CloudProcess

FILE = "file-01M8C4F48DNWW851Q25T501V37"
OTHER = "file-01M8C4F48DNWW851Q25T501V38"
NAME = "my calls/ä+%2F 100%.jsonl"


@pytest.fixture
def files(cloud: CloudProcess) -> FileObjects:
    name = f"t-{uuid.uuid4().hex[:12]}"
    cloud.client("s3").create_bucket(Bucket=name)
    return FileObjects(cloud.client("s3"), name)


def test_a_key_should_say_all_that_is_told_of_a_file(files: FileObjects) -> None:
    key = upload_key("acme", FILE, "batch", NAME)
    files.write(key, b"{}\n")
    (stored,) = files.listed(file_prefix("acme"))
    assert stored == files.look(key)
    told = uploaded_file(stored)
    assert (told.id, told.filename, told.bytes, told.purpose) == (
        *(FILE, "ä+%2F 100%.jsonl"),
        *(3, "batch"),
    )
    assert told.created_at == int(stored.written_at.timestamp())
    assert httpx.get(files.sign(key, name="a.jsonl", seconds=60)).content == b"{}\n"


def test_files_should_be_listed_copied_and_removed_by_their_folders(files: FileObjects) -> None:
    keys = [upload_key("acme", each, "batch", "a.jsonl") for each in (OTHER, FILE)]
    for key in keys:
        files.write(key, key.encode())
    files.write(upload_key("rival", FILE, "batch", "a.jsonl"), b"theirs")
    assert [uploaded_file(each).id for each in files.listed(file_prefix("acme"))] == [FILE, OTHER]
    files.copy(keys[0], "jobs/acme/J/input.jsonl")
    assert files.read("jobs/acme/J/input.jsonl") == keys[0].encode()
    assert files.remove(file_prefix("acme", FILE)) == 1
    assert [uploaded_file(each).id for each in files.listed(file_prefix("acme"))] == [OTHER]
    assert len(files.listed(file_prefix("rival"))) == 1


def test_what_is_not_there_should_be_told_so(files: FileObjects) -> None:
    key = upload_key("acme", FILE, "batch", "a.jsonl")
    with pytest.raises(NotFound):
        files.look(key)
    with pytest.raises(NotFound):
        files.read(key)
    with pytest.raises(NotFound):
        files.copy(key, "jobs/acme/J/input.jsonl")
    assert files.listed(file_prefix("acme", FILE)) == []
    assert files.remove(file_prefix("acme", FILE)) == 0
