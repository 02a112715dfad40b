"""Transfers between S3 and the folders of a job."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_BLOCK_BYTES = 1 << 20


class TransferError(Exception):
    """Raised if a download or an upload fails; the text is a FailureReason."""


@dataclass(slots=True)
class S3Transfer:
    """Downloads and uploads with a client that has the job's role.

    `uploaded` has the modification time and the size of each file that was uploaded.
    """

    s3: Any
    uploaded: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def download(self, address: str, folder: Path) -> int:
        """Download all objects with a prefix into a folder; return their number.

        An object whose key is the prefix itself is included. Raises TransferError.
        """
        bucket, prefix = parse_s3_uri(address)
        folder.mkdir(parents=True, exist_ok=True)
        count = 0
        try:
            for key in self._keys(bucket, prefix):
                name = key.removeprefix(prefix).lstrip("/") or key.rpartition("/")[2]
                path = (folder / name).resolve()
                if not path.is_relative_to(folder.resolve()):
                    raise TransferError(f"The object {key} leads out of the channel.")
                path.parent.mkdir(parents=True, exist_ok=True)
                body = self.s3.get_object(Bucket=bucket, Key=key)["Body"]
                with path.open("wb") as file:
                    shutil.copyfileobj(body, file, _BLOCK_BYTES)
                count += 1
        except (ClientError, BotoCoreError) as error:
            raise TransferError(f"Data at {address} cannot be downloaded: {error}") from error
        return count

    def download_archive(self, address: str, folder: Path) -> None:
        """Download a gzipped tar and unpack it into a folder. Raises TransferError."""
        bucket, key = parse_s3_uri(address)
        try:
            content = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
                archive.extractall(folder, filter="data")
        except (ClientError, BotoCoreError) as error:
            raise TransferError(f"The code at {address} cannot be downloaded: {error}") from error
        except (tarfile.TarError, OSError, EOFError) as error:
            raise TransferError(f"The code at {address} cannot be unpacked: {error}") from error

    def upload_archive(self, folder: Path, address: str, scratch: Path) -> bool:
        """Upload the files of a folder as a gzipped tar; return False if there are none.

        Raises TransferError.
        """
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if not files:
            return False
        with tarfile.open(scratch, "w:gz") as archive:
            for path in files:
                archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
        self._put(scratch, *parse_s3_uri(address))
        scratch.unlink()
        return True

    def upload_changed(self, folder: Path, address: str, scratch: Path) -> int:
        """Upload the files of a folder that changed since the last time; return their number.

        A file is copied to `scratch` first, as the program may write to it meanwhile. Raises
        TransferError.
        """
        bucket, prefix = parse_s3_uri(address)
        count = 0
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            version = _file_version(path)
            if version is None or self.uploaded.get(path) == version:
                continue
            try:
                shutil.copyfile(path, scratch)
            except FileNotFoundError:
                continue  # the program deleted it meanwhile
            name = path.relative_to(folder).as_posix()
            self._put(scratch, bucket, f"{prefix.rstrip('/')}/{name}")
            self.uploaded[path] = version
            count += 1
        scratch.unlink(missing_ok=True)
        return count

    def _put(self, path: Path, bucket: str, key: str) -> None:
        try:
            with path.open("rb") as file:
                self.s3.put_object(Bucket=bucket, Key=key, Body=file)
        except (ClientError, BotoCoreError) as error:
            raise TransferError(
                f"The job's output cannot be sent to s3://{bucket}/{key}: {error}"
            ) from error

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for each in page.get("Contents", ()):
                if not each["Key"].endswith("/"):
                    yield each["Key"]


def parse_s3_uri(address: str) -> tuple[str, str]:
    """Return the bucket and the key or prefix of an S3 URI."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _file_version(path: Path) -> tuple[int, int] | None:
    """Return a file's modification time and size, or None for folders and temporary files."""
    if path.name.startswith(".") or not path.is_file():
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size
