"""A model's package: fetched from S3 as the model's role, and unpacked as /opt/ml/model.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import shutil
import tarfile
import uuid
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

MAX_UNPACKED = 8 * 1024**3
"""The largest package when unpacked, in bytes; AWS lets its volume decide."""
_BLOCK = 1 << 20


class Unusable(Exception):  # noqa: N818 - named for what it tells
    """A package that cannot be fetched or unpacked; the text says why, as a FailureReason."""


def unpacked(s3: Any, address: str, folder: Path) -> Path:
    """Return the folder with the package of `address`, which is fetched unless it is there already.

    Raises:
        Unusable: S3 does not give it, it is no gzipped tar, leads outside, or is too large.
    """
    model_dir = folder / "opt" / "ml" / "model"
    if model_dir.is_dir():
        return model_dir
    bucket, _, key = address.removeprefix("s3://").partition("/")
    draft = folder / f"draft-{uuid.uuid4().hex}"
    archive = draft / "model.tar.gz"
    draft.mkdir(parents=True)
    try:
        _fetch(s3, bucket, key, archive)
        _unpack(archive, draft / "model")
        model_dir.parent.mkdir(parents=True, exist_ok=True)
        _settle(draft / "model", model_dir)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return model_dir


def _settle(made: Path, model_dir: Path) -> None:
    """Put the folder in its place, unless another host of the same deployment was there first."""
    try:
        made.rename(model_dir)
    except OSError:
        if not model_dir.is_dir():
            raise


def _fetch(s3: Any, bucket: str, key: str, into: Path) -> None:
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
        with into.open("wb") as file:
            shutil.copyfileobj(body, file, _BLOCK)
    except (ClientError, BotoCoreError) as error:
        raise Unusable(
            f"Could not access model data at s3://{bucket}/{key}. Please ensure that the role has "
            f"s3:GetObject permissions and that the object is there. ({error})"
        ) from error


def _unpack(archive: Path, into: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as opened:
            members = opened.getmembers()
            size = sum(member.size for member in members)
            if size > MAX_UNPACKED:
                raise Unusable(f"The package unpacks to {size} bytes; {MAX_UNPACKED} are taken.")
            opened.extractall(into, members, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Unusable(f"The package cannot be unpacked: {error}") from error
