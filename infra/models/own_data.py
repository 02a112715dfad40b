"""Training data of a user's own in S3: read from any location, and kept once a version.

A prepared channel lies in `models/data/own/VERSION/` of the stage's bucket, or, if its rows came of
a tenant's data, in `models/data/tenants/TENANT/VERSION/`, which goes with the tenant. Its manifest
is written last, so that a prefix with one is whole, and a second training uploads nothing. The
bucket's rules expire it a year after its upload; one that is older than half of that is sent anew.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from botocore.exceptions import ClientError

from infra.stages import Client
from models.failures import BadData, BadRecipe
from models.files import disk_full_as_failure
from models.sagemaker.job_requests import JobSpec
from models.training import recipe
from models.training_data.channel import MANIFEST, read_manifest

PREFIX, OF_TENANTS = "models/data/own/", "models/data/tenants/"
KEPT_DAYS = 365
"""Days after which rows and bases expire: see the rules of the bucket in the template."""
MAX_BYTES = 64 * 2**30
MIN_JUDGED = 6
"""The least held-out rows that judge: of five, all are better by chance in one of 32 trials, which
is more than the 2.5% that the lower end of a 95% interval leaves."""
_ABSENT = ("404", "403", "NoSuchKey", "NotFound", "Forbidden")
"""Without the right to list a bucket, what is not there is forbidden."""


def version_prefix(channel: Path) -> str:
    """Return where a prepared channel lies in a stage's bucket. Raises BadData."""
    manifest = read_manifest(channel)
    owned = f"{OF_TENANTS}{manifest.tenant}/" if manifest.tenant else PREFIX
    return f"{owned}{manifest.version}/"


def put_channel(client: Client, bucket: str, channel: Path) -> int:
    """Upload a prepared channel, unless its version is there; return the files that were sent.

    What a manifest says beside its rows, such as the licence, is sent each time.

    Raises:
        BadData: the folder is no channel.
        ClientError: AWS refuses.
    """
    s3, prefix = client("s3"), version_prefix(channel)
    names = sorted(
        path.relative_to(channel).as_posix() for path in channel.rglob("*") if path.is_file()
    )
    if is_kept(client, bucket, f"{prefix}{MANIFEST}"):
        names = [MANIFEST]
    for name in sorted(names, key=lambda each: each == MANIFEST):
        s3.upload_file(str(channel / name), bucket, f"{prefix}{name}")
    return len(names)


def require_rows(wish: JobSpec) -> None:
    """Raise BadRecipe if the user's own rows are too few for a step, or for gates to mean anything.

    Of `smoke`, which has no gates, any number of held-out rows will do.
    """
    if wish.channel is None:
        return
    counts = read_manifest(wish.channel).counts
    if wish.preset != "smoke" and counts.get("test", 0) < MIN_JUDGED:
        raise BadRecipe(
            f"data: {counts.get('test', 0)} rows are held out, and {MIN_JUDGED} are the least: "
            "fewer can all be better by chance. Give more rows, or held-out ones by --eval."
        )
    settings = recipe.resolve(wish.recipe, wish.preset, wish.overrides)
    rows = counts.get("train", 0)
    rows -= round(rows * settings.validation_share)
    if rows < settings.batch:
        raise BadRecipe(
            f"batch: is {settings.batch}, and the data has {rows} rows to train on; give more "
            f"rows, or --set batch={1 << max(rows, 1).bit_length() - 1}."
        )


def is_kept(client: Client, bucket: str, key: str) -> bool:
    """Return whether an object is there, and will be for another half of `KEPT_DAYS`."""
    try:
        found = client("s3").head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return False
        raise
    written: datetime = found["LastModified"]
    return datetime.now(UTC) - written < timedelta(days=KEPT_DAYS / 2)


def fetch_objects(client: Client, uri: str, into: Path) -> Path:
    """Download an object, or all below a prefix, and return the file or the folder.

    Raises:
        BadData: nothing is there, it is too much, or a key would lead out of the folder.
        ClientError: AWS refuses.
        DiskFull: there is no room.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise BadData(f"{uri} is no location; one is s3://BUCKET/KEY or s3://BUCKET/PREFIX/.")
    s3 = client("s3")
    listed = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
    found = [each for page in listed for each in page.get("Contents", ())]
    # Consoles mark folders by empty objects whose keys end with a slash.
    sizes = {each["Key"]: each["Size"] for each in found if not each["Key"].endswith("/")}
    # A prefix without a slash also lists keys that only begin alike.
    folder = f"{key.rstrip('/')}/" if key else ""
    wanted = [key] if key in sizes else [name for name in sizes if name.startswith(folder)]
    if not wanted:
        raise BadData(f"There is nothing at {uri}.")
    total = sum(sizes[name] for name in wanted)
    if total > MAX_BYTES:
        raise BadData(f"{uri} has {total:,} bytes; {MAX_BYTES:,} are taken.")
    for name in wanted:
        below = name.removeprefix(folder) if name != key else PurePosixPath(name).name
        if ".." in PurePosixPath(below).parts or below.startswith("/"):
            raise BadData(f"s3://{bucket}/{name} would be written outside of its folder.")
        path = into / below
        path.parent.mkdir(parents=True, exist_ok=True)
        with disk_full_as_failure(path, sizes[name]):
            s3.download_file(bucket, name, str(path))
    return into / PurePosixPath(key).name if wanted == [key] else into
