"""ItemReader: the items of a Map Run that come from S3.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.stepfunctions.language import errors, map_items
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.state_machine import ReaderConfig
from localcloud.stepfunctions.language.values import Json, JsonObject


def read_items(
    client: Any, resource: str, arguments: JsonObject, config: ReaderConfig, limit: int | None
) -> Iterator[Json]:
    """Yield up to `limit` items. Raises `StatesError` (`States.ItemReaderFailed`).

    `resource` is ItemReader's, `arguments` its evaluated Parameters or Arguments.
    """
    found = _read_all(client, resource, arguments, config)
    return found if limit is None else islice(found, limit)


def item_source(resource: str, arguments: JsonObject) -> str:
    """Return `Map.Item.Source` of the items that are read there."""
    key = arguments.get("Prefix", "") if "listObjectsV2" in resource else arguments.get("Key", "")
    return f"S3://{arguments.get('Bucket')}/{key}"


def _read_all(
    client: Any, resource: str, arguments: JsonObject, config: ReaderConfig
) -> Iterator[Json]:
    bucket = str(arguments.get("Bucket", ""))
    if resource.endswith(":s3:listObjectsV2"):
        for entry in _listing(client, bucket, arguments):
            if config.transformation == "LOAD_AND_FLATTEN":
                yield from map_items.read_items(config, _body(client, bucket, str(entry["Key"])))
            else:
                yield map_items.item_of_listing(entry)
        return
    body = _body(client, bucket, str(arguments.get("Key", "")), arguments.get("VersionId"))
    if config.manifest_type == "ATHENA_DATA":
        for place, key in map_items.read_athena_manifest(body):
            file = map_items.unzip(key, _body(client, place, key))
            yield from map_items.read_items(config, file)
        return
    if config.input_type != "MANIFEST" and config.manifest_type != "S3_INVENTORY":
        yield from map_items.read_items(config, body)
        return
    inventory = map_items.read_inventory(body)
    for key in inventory.keys:
        yield from map_items.inventory_rows(inventory.headers, _body(client, inventory.bucket, key))


def _listing(client: Any, bucket: str, arguments: JsonObject) -> Iterator[dict[str, Any]]:
    call = {key: value for key, value in arguments.items() if value is not None}
    call["Bucket"] = bucket
    while True:
        try:
            page = client.list_objects_v2(**call)
        except (ClientError, BotoCoreError) as error:
            raise _reader_error(error) from error
        yield from page.get("Contents", [])
        if not page.get("IsTruncated"):
            return
        call["ContinuationToken"] = page["NextContinuationToken"]


def _body(client: Any, bucket: str, key: str, version: Json = None) -> BinaryIO:
    call = {"Bucket": bucket, "Key": key}
    if isinstance(version, str):
        call["VersionId"] = version
    try:
        return cast(BinaryIO, io.BytesIO(client.get_object(**call)["Body"].read()))
    except (ClientError, BotoCoreError) as error:
        raise _reader_error(error) from error


def _reader_error(error: ClientError | BotoCoreError) -> ReportedError:
    message = str(error)
    if isinstance(error, ClientError):
        about, metadata = error.response["Error"], error.response.get("ResponseMetadata", {})
        message = (
            f"{about.get('Message', '')} (Service: Amazon S3; "
            f"Status Code: {metadata.get('HTTPStatusCode', 400)}; "
            f"Error Code: {about.get('Code', '')}; Request ID: {metadata.get('RequestId', '')})"
        )
    return ReportedError(errors.ITEM_READER_FAILED, message)
