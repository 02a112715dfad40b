"""What goes between S3 and the folders of a job."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_BLOCK = 1 << 20


class Lost(Exception):  # noqa: N818 - named for what it tells
    """S3 did not give or take something; the text says why, as a FailureReason."""


@dataclass(slots=True)
class Transfer:
    """Calls S3 as the job's role. `sent` has what was sent of each file: its time and size."""

    s3: Any
    sent: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def fetch(self, address: str, into: Path) -> int:
        """Write every object below a prefix into a folder, and return how many there are.

        The object of that very key counts as well, under its last name. Raises Lost.
        """
        bucket, prefix = split(address)
        into.mkdir(parents=True, exist_ok=True)
        count = 0
        try:
            for key in self._keys(bucket, prefix):
                name = key.removeprefix(prefix).lstrip("/") or key.rpartition("/")[2]
                path = (into / name).resolve()
                if not path.is_relative_to(into.resolve()):
                    raise Lost(f"The object {key} leads out of the channel.")
                path.parent.mkdir(parents=True, exist_ok=True)
                body = self.s3.get_object(Bucket=bucket, Key=key)["Body"]
                with path.open("wb") as file:
                    shutil.copyfileobj(body, file, _BLOCK)
                count += 1
        except (ClientError, BotoCoreError) as error:
            raise Lost(f"Data at {address} cannot be downloaded: {error}") from error
        return count

    def unpack(self, address: str, into: Path) -> None:
        """Unpack a gzipped tar of S3 into a folder. Raises Lost."""
        bucket, key = split(address)
        try:
            packed = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
                archive.extractall(into, filter="data")
        except (ClientError, BotoCoreError) as error:
            raise Lost(f"The code at {address} cannot be downloaded: {error}") from error
        except (tarfile.TarError, OSError, EOFError) as error:
            raise Lost(f"The code at {address} cannot be unpacked: {error}") from error

    def pack(self, folder: Path, address: str, scratch: Path) -> bool:
        """Send the files of a folder as a gzipped tar; False where it has none. Raises Lost."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        if not files:
            return False
        with tarfile.open(scratch, "w:gz") as archive:
            for path in files:
                archive.add(path, path.relative_to(folder).as_posix(), recursive=False)
        self._put(scratch, *split(address))
        scratch.unlink()
        return True

    def send_changed(self, folder: Path, address: str, scratch: Path) -> int:
        """Send the files of a folder that changed since, and return how many. Raises Lost.

        A file is copied to `scratch` first, as the program may write it again meanwhile.
        """
        bucket, prefix = split(address)
        count = 0
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            found = _seen(path)
            if found is None or self.sent.get(path) == found:
                continue
            try:
                shutil.copyfile(path, scratch)
            except FileNotFoundError:
                continue  # the program let go of it meanwhile
            name = path.relative_to(folder).as_posix()
            self._put(scratch, bucket, f"{prefix.rstrip('/')}/{name}")
            self.sent[path] = found
            count += 1
        scratch.unlink(missing_ok=True)
        return count

    def _put(self, path: Path, bucket: str, key: str) -> None:
        try:
            with path.open("rb") as file:
                self.s3.put_object(Bucket=bucket, Key=key, Body=file)
        except (ClientError, BotoCoreError) as error:
            raise Lost(
                f"What the job made cannot be sent to s3://{bucket}/{key}: {error}"
            ) from error

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for each in page.get("Contents", ()):
                if not each["Key"].endswith("/"):
                    yield each["Key"]


def split(address: str) -> tuple[str, str]:
    """Return the bucket and the key or prefix of s3://BUCKET/KEY."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _seen(path: Path) -> tuple[int, int] | None:
    """Return a file's time and size; None for a folder, and for a file that is still written."""
    if path.name.startswith(".") or not path.is_file():
        return None
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size
