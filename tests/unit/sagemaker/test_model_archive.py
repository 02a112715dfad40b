from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.hosting.model_archive import UnusableModel, unpack_model


class FakeS3:
    """One object, or none."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.fetched = 0

    def get_object(self, **place: str) -> dict[str, Any]:
        self.fetched += 1
        if self.body is None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        return {"Body": io.BytesIO(self.body)}


def as_is(info: tarfile.TarInfo) -> None:
    """Change nothing."""


def tar(*entries: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] = as_is) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, body in entries:
            info = tarfile.TarInfo(name)
            info.size = len(body)
            change(info)
            archive.addfile(info, io.BytesIO(body))
    return out.getvalue()


def test_a_package_should_be_unpacked_as_a_container_has_it_and_fetched_once(
    tmp_path: Path,
) -> None:
    s3 = FakeS3(tar(("model.onnx", b"w"), ("code/inference.py", b"c")))
    for _ in range(2):
        found = unpack_model(s3, "s3://bucket/m.tar.gz", tmp_path)
    assert found == tmp_path / "opt" / "ml" / "model"
    assert (found / "code" / "inference.py").read_bytes() == b"c"
    assert s3.fetched == 1
    assert [each.name for each in tmp_path.iterdir()] == ["opt"]


def test_of_two_hosts_that_unpack_at_once_both_should_have_the_package(tmp_path: Path) -> None:
    body = tar(("model.onnx", b"w"))

    class Slow(FakeS3):
        def get_object(self, **place: str) -> dict[str, Any]:
            unpack_model(FakeS3(body), "s3://bucket/m.tar.gz", tmp_path)
            return super().get_object(**place)

    found = unpack_model(Slow(body), "s3://bucket/m.tar.gz", tmp_path)
    assert (found / "model.onnx").read_bytes() == b"w"
    assert [each.name for each in tmp_path.iterdir()] == ["opt"]


def as_link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


def as_device(info: tarfile.TarInfo) -> None:
    info.type, info.size = tarfile.CHRTYPE, 0


@pytest.mark.parametrize(
    "body",
    [
        b"no tar",
        tar(("../outside", b"x")),
        tar(("link", b""), change=as_link),
        tar(("device", b""), change=as_device),
        tar(("model.onnx", b"w" * 9_000))[:-40],
    ],
    ids=["no tar", "leads outside", "link outside", "device", "cut short"],
)
def test_what_cannot_be_unpacked_safely_should_be_refused_and_leave_nothing(
    body: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "endpoint"
    with pytest.raises(UnusableModel, match="cannot be unpacked"):
        unpack_model(FakeS3(body), "s3://bucket/m.tar.gz", folder)
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_what_s3_does_not_give_should_be_told_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match=r"s3://bucket/m\.tar\.gz.*s3:GetObject"):
        unpack_model(FakeS3(None), "s3://bucket/m.tar.gz", tmp_path)
