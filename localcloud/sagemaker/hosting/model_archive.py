"""A model's archive: downloaded from S3 with the model's role and unpacked to /opt/ml/model.

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
"""The largest unpacked model in bytes; on AWS the size of the volume is the limit."""
_BLOCK_BYTES = 1 << 20


class UnusableModel(Exception):  # noqa: N818 - named for what it tells
    """Raised if a model can't be downloaded, unpacked or started; the text is a FailureReason."""


def unpack_model(s3: Any, address: str, folder: Path) -> Path:
    """Return the folder of the unpacked archive at `address`, which is downloaded at first.

    Raises:
        UnusableModel: it can't be read, is no gzipped tar, leads outside, or is too large.
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
        _move_into_place(draft / "model", model_dir)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return model_dir


def _move_into_place(unpacked: Path, model_dir: Path) -> None:
    """Move the folder into place, unless another host of the deployment has done so before."""
    try:
        unpacked.rename(model_dir)
    except OSError:
        if not model_dir.is_dir():
            raise


def _fetch(s3: Any, bucket: str, key: str, into: Path) -> None:
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
        with into.open("wb") as file:
            shutil.copyfileobj(body, file, _BLOCK_BYTES)
    except (ClientError, BotoCoreError) as error:
        raise UnusableModel(
            f"Could not access model data at s3://{bucket}/{key}. Please ensure that the role has "
            f"s3:GetObject permissions and that the object is there. ({error})"
        ) from error


def _unpack(archive: Path, into: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as opened:
            members = opened.getmembers()
            size = sum(member.size for member in members)
            if size > MAX_UNPACKED:
                raise UnusableModel(
                    f"The package unpacks to {size} bytes; {MAX_UNPACKED} are allowed."
                )
            opened.extractall(into, members, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UnusableModel(f"The package cannot be unpacked: {error}") from error
