"""Own training data in S3: kept once a version, and read from any location."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from infra.models import own_data
from infra.models.own_data import (
    KEPT_DAYS,
    fetch_objects,
    put_channel,
    version_prefix,
)
from models.failures import BadData, BadRecipe
from models.sagemaker.job_requests import JobSpec
from models.training import recipe
from models.training_data.channel import ChannelWriter, DataSource
from models.training_data.rows import ClassedImage
from tests.unit.infra.test_training import training_of

ABOUT = DataSource(source="made here", licence="CC0-1.0")


@dataclass
class Bucket:
    """The objects of a bucket, and the keys that were written, in order."""

    objects: dict[str, bytes] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    age_days: int = 0

    def client(self, service: str) -> Any:
        assert service == "s3"
        return self

    def head_object(self, **asked: str) -> dict[str, Any]:
        if asked["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return {"LastModified": datetime.now(UTC) - timedelta(days=self.age_days)}

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        self.objects[key] = Path(path).read_bytes()
        self.written.append(key)

    def download_file(self, bucket: str, key: str, path: str) -> None:
        Path(path).write_bytes(self.objects[key])

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **asked: str) -> Iterator[dict[str, Any]]:
        for key in sorted(self.objects):
            if key.startswith(asked["Prefix"]):
                yield {"Contents": [{"Key": key, "Size": len(self.objects[key])}]}
        yield {}


def channel(folder: Path, about: DataSource = ABOUT) -> Path:
    with ChannelWriter(folder, "classed_images") as writer:
        name = writer.add_file(b"picture", ".png")
        for part in ("train", "validation", "test"):
            writer.add(part, ClassedImage(file=name, label="cat"))
        writer.close(about)
    return folder


def test_a_version_is_uploaded_once(tmp_path: Path) -> None:
    bucket, made = Bucket(), channel(tmp_path / "one")
    assert put_channel(bucket.client, "b", made) == 5
    prefix = version_prefix(made)
    assert bucket.written[-1] == f"{prefix}data.json", "a prefix with a manifest is whole"
    assert any(key.startswith(f"{prefix}files/") for key in bucket.written)
    other = channel(tmp_path / "two", replace_licence())
    assert version_prefix(other) == prefix
    assert put_channel(bucket.client, "b", other) == 1
    assert b"MIT" in bucket.objects[f"{prefix}data.json"]


def test_rows_that_soon_expire_are_sent_anew_before_a_training_reads_them(tmp_path: Path) -> None:
    bucket, made = Bucket(), channel(tmp_path / "one")
    put_channel(bucket.client, "b", made)
    bucket.age_days = KEPT_DAYS // 2 + 1
    assert put_channel(bucket.client, "b", made) == 5


def test_rows_of_a_tenant_lie_where_its_removal_looks(tmp_path: Path) -> None:
    made = channel(tmp_path / "one", ABOUT.model_copy(update={"tenant": "acme"}))
    assert version_prefix(made).startswith("models/data/tenants/acme/")
    with pytest.raises(ValidationError, match="tenant"):
        DataSource(source="made here", licence="CC0-1.0", tenant="../other")


def replace_licence() -> DataSource:
    return ABOUT.model_copy(update={"licence": "MIT"})


def test_a_training_on_rows_reads_them_by_their_version(tmp_path: Path) -> None:
    made = channel(tmp_path / "one")
    taking = recipe.load("vae").model_copy(update={"data_kind": "classed_images"})
    wish = JobSpec("headrace-dev-vae-1", taking, "smoke", "cpu", data=made)
    first = training_of().locations(wish).channels["training"]
    second = training_of().locations(replace(wish, job_name="headrace-dev-vae-2"))
    assert first == second.channels["training"]
    assert first.endswith(f"/{version_prefix(made)}")


def test_too_few_rows_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    taking = recipe.load("vae").model_copy(update={"data_kind": "classed_images"})
    wish = JobSpec("job", taking, "smoke", "cpu", {"batch": 8}, data=channel(tmp_path / "one"))
    with pytest.raises(BadRecipe, match=r"batch: is 8, .* 1 rows to train on; .* --set batch=1\."):
        training_of().start(wish)
    own_data.require_rows(replace(wish, overrides={"batch": 1}))
    own_data.require_rows(replace(wish, data=None))
    with pytest.raises(BadRecipe, match=r"1 rows are held out, and 6 are the least"):
        training_of().start(replace(wish, preset="tiny"))


@pytest.mark.parametrize(
    ("uri", "files"),
    [
        ("s3://b/rows/a.jsonl", ["a.jsonl"]),
        ("s3://b/rows/", ["a.jsonl", "deep/b.jsonl"]),
        ("s3://b/rows", ["a.jsonl", "deep/b.jsonl"]),
    ],
)
def test_objects_are_fetched(uri: str, files: list[str], tmp_path: Path) -> None:
    bucket = Bucket(
        {"rows/a.jsonl": b"1", "rows/deep/b.jsonl": b"2", "rows2/c": b"3", "rows/": b""}
    )
    found = fetch_objects(bucket.client, uri, tmp_path)
    names = [
        each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*") if each.is_file()
    ]
    assert sorted(names) == files
    assert found == (tmp_path / "a.jsonl" if len(files) == 1 else tmp_path)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://", "is no location"),
        ("s3://b/none/", "nothing at"),
        ("s3://b/bad/", "outside of its folder"),
    ],
)
def test_what_cannot_be_fetched_is_told(uri: str, message: str, tmp_path: Path) -> None:
    bucket = Bucket({"bad/../../x": b"1"})
    with pytest.raises(BadData, match=message):
        fetch_objects(bucket.client, uri, tmp_path)
    assert not list(tmp_path.iterdir())


def test_too_much_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_data, "MAX_BYTES", 2)
    with pytest.raises(BadData, match="has 3 bytes; 2 are taken"):
        fetch_objects(Bucket({"a/b": b"123"}).client, "s3://b/a/", tmp_path)
