"""The items of a Map: from state input or a file, selected and batched.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO, Final, cast

from localcloud.stepfunctions.language.errors import (
    DATA_LIMIT_EXCEEDED,
    ITEM_READER_FAILED,
    RUNTIME,
    StatesError,
)
from localcloud.stepfunctions.language.state_machine import ReaderConfig
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps, loads, size_of

MAX_ITEM_BYTES: Final = 256 * 1024
MAX_ITEMS: Final = 100_000_000
"""The maximum of MaxItems."""

DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}

# The default of 128 KiB a field is less than what an item may hold; the limit is the process's.
csv.field_size_limit(max(csv.field_size_limit(), MAX_ITEM_BYTES))


def items_of_input(value: Json) -> list[Json]:
    """Return the items of a value: an array's, or an object's as `{"Key", "Value"}`.

    Raises `StatesError` (`States.Runtime`) for any other value.
    """
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [{"Key": key, "Value": part} for key, part in value.items()]
    raise StatesError(RUNTIME, f"Attempting to map over non-iterable node: {dumps(value)}")


def read_items(
    config: ReaderConfig, body: BinaryIO, max_items: int | None = None
) -> Iterator[Json]:
    """Yield the items of an object's body: JSON, JSONL or CSV.

    `max_items` stops early, before the rest is read. Raises `StatesError`
    (`States.ItemReaderFailed`) for a malformed file.
    """
    reader = _READERS.get(config.input_type or "JSON")
    if reader is None:
        raise _reader_error(f"The input type {config.input_type} cannot be read")
    items = reader(config, body)
    return items if max_items is None else islice(items, max_items)


def _reader_error(cause: str) -> StatesError:
    return StatesError(ITEM_READER_FAILED, cause)


def _text(body: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(body, encoding="utf-8-sig", newline="")


def _json(config: ReaderConfig, body: BinaryIO) -> Iterator[Json]:
    try:
        value = loads(_text(body).read())
    except ValueError as problem:
        raise _reader_error(f"The file is not valid JSON: {problem}") from problem
    value = _at_pointer(value, config.items_pointer or "")
    if not isinstance(value, list | dict):
        raise _reader_error("Attempting to map over non-iterable node.")
    yield from items_of_input(value)


def _at_pointer(value: Json, pointer: str) -> Json:
    """Return the value at a JSON pointer (RFC 6901), as `ItemsPointer` is one."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            raise _reader_error(f"The ItemsPointer '{pointer}' does not exist in the file")
    return value


def _jsonl(_: ReaderConfig, body: BinaryIO) -> Iterator[Json]:
    for number, line in enumerate(body, 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip():
            try:
                yield loads(text)
            except ValueError as problem:
                raise _reader_error(f"Line {number} is not valid JSON: {problem}") from problem


def _csv(config: ReaderConfig, body: BinaryIO) -> Iterator[Json]:
    """Read delimited text by AWS's rules.

    Quotes are doubled, or escaped by a backslash, which escapes any character and is dropped. A
    short row is filled with empty strings; surplus cells are dropped.
    https://docs.aws.amazon.com/step-functions/latest/dg/example-csv-parse-dist-map.html
    """
    rows = csv.reader(_text(body), delimiter=DELIMITERS[config.csv_delimiter], escapechar="\\")
    try:
        filled = (row for row in rows if row)
        headers: Sequence[str] | None = config.csv_headers
        if config.csv_header_location != "GIVEN":
            headers = next(filled, None)
        if headers is None:
            return
        if len(set(headers)) < len(headers):
            raise _reader_error("CSV headers cannot contain duplicates.")
        for row in filled:
            cells = [*row, *[""] * (len(headers) - len(row))]
            yield dict(zip(headers, cells, strict=False))
    except (csv.Error, UnicodeDecodeError) as problem:
        raise _reader_error(f"The file is not valid CSV: {problem}") from problem


_READERS: Final[dict[str, Callable[[ReaderConfig, BinaryIO], Iterator[Json]]]] = {
    "JSON": _json,
    "JSONL": _jsonl,
    "CSV": _csv,
}


def item_of_listing(entry: Mapping[str, object]) -> JsonObject:
    """Return the item of one entry of `Contents` of ListObjectsV2, as Step Functions gives it.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    """
    modified = entry["LastModified"]
    seconds = int(modified.timestamp()) if isinstance(modified, datetime) else modified
    return {
        "Etag": cast(str, entry["ETag"]),
        "Key": cast(str, entry["Key"]),
        "LastModified": cast(int, seconds),
        "Size": cast(int, entry["Size"]),
        "StorageClass": cast(str, entry.get("StorageClass", "STANDARD")),
    }


@dataclass(frozen=True, slots=True)
class S3Inventory:
    """An S3 inventory: gzipped CSV files `keys` of `bucket`, whose columns are `headers`."""

    bucket: str
    keys: tuple[str, ...]
    headers: tuple[str, ...]


def read_inventory(manifest: BinaryIO) -> S3Inventory:
    """Parse the `manifest.json` of an S3 inventory.

    Raises `StatesError` (`States.ItemReaderFailed`) if it is invalid or its files are not CSV.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    """
    try:
        value = json.load(manifest)
        if value["fileFormat"] != "CSV":
            raise _reader_error(f"An inventory in {value['fileFormat']} cannot be read")
        return S3Inventory(
            bucket=value["destinationBucket"].rpartition(":")[2],
            keys=tuple(file["key"] for file in value["files"]),
            headers=tuple(name.strip() for name in value["fileSchema"].split(",")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise _reader_error(f"The file is no manifest of an S3 inventory: {problem!r}") from problem


def read_athena_manifest(manifest: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield the bucket and the key of each file that a query of Athena wrote.

    The manifest has the address `s3://bucket/key` of a file in each line. Raises `StatesError`
    (`States.ItemReaderFailed`) for another line.
    https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html
    """
    for line in _text(manifest).read().splitlines():
        address = line.strip().strip('"')
        bucket, _, key = address.removeprefix("s3://").partition("/")
        if address and not (address.startswith("s3://") and bucket and key):
            raise _reader_error(f"The manifest names no file of S3: {address}")
        if address:
            yield bucket, key


def unzip(key: str, body: BinaryIO) -> BinaryIO:
    """Return the content of a file, which is gzipped if its key says so."""
    return cast(BinaryIO, gzip.GzipFile(fileobj=body)) if key.endswith(".gz") else body


def inventory_rows(headers: tuple[str, ...], body: BinaryIO) -> Iterator[Json]:
    """Yield the rows of one gzipped file of an S3 inventory."""
    config = ReaderConfig(input_type="CSV", csv_header_location="GIVEN", csv_headers=headers)
    try:
        with gzip.GzipFile(fileobj=body) as unzipped:
            yield from read_items(config, cast(BinaryIO, unzipped))
    except (OSError, EOFError) as problem:
        raise _reader_error(f"A file of the inventory cannot be read: {problem}") from problem


def item_context_object(
    context: JsonObject,
    index: int,
    item: Json,
    *,
    is_member: bool = False,
    source: str | None = None,
) -> JsonObject:
    """Return `context` with `Map.Item` for one iteration.

    `is_member` says that `item` is a `{"Key", "Value"}` made of an object's member; `source` is
    the source of a distributed Map: `STATE_DATA` or the address of the S3 object.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """
    described: JsonObject = {"Index": index, "Value": item}
    if is_member and isinstance(item, dict):
        described |= {"Key": item["Key"], "Value": item["Value"]}
    if source is not None:
        described["Source"] = source
    return {**context, "Map": {"Item": described}}


def batch_items(
    items: Iterable[Json],
    max_items: int | None = None,
    max_bytes: int | None = None,
    batch_input: Json = None,
) -> Iterator[JsonObject]:
    """Yield `{"BatchInput": …, "Items": […]}`; `BatchInput` is left out when it is None.

    A batch ends before it has more than `max_items` items or `max_bytes` bytes of JSON. Raises
    `StatesError` (`States.DataLimitExceeded`) if one item alone does not fit.
    """
    head: JsonObject = {} if batch_input is None else {"BatchInput": batch_input}
    empty = size_of({**head, "Items": []})
    batch: list[Json] = []
    size = empty
    for item in items:
        more = 0 if max_bytes is None else size_of(item)
        if max_bytes is not None and empty + more > max_bytes:
            raise StatesError(
                DATA_LIMIT_EXCEEDED, f"An item exceeds the batch limit of {max_bytes} bytes."
            )
        too_large = max_bytes is not None and size + more + 1 > max_bytes
        if batch and (len(batch) == max_items or too_large):
            yield {**head, "Items": batch}
            batch, size = [], empty
        size += more + (1 if batch else 0)
        batch.append(item)
    if batch:
        yield {**head, "Items": batch}


def failures_tolerated(
    failed: int, total: int, max_count: int | None, max_percentage: float | None
) -> bool:
    """Return whether a Map with `failed` of `total` items may continue.

    Exceeding either threshold fails the Map; without any, no failure is tolerated.
    """
    if failed == 0:
        return True
    if max_count is None and max_percentage is None:
        return False
    if max_count is not None and failed > max_count:
        return False
    return max_percentage is None or failed * 100 <= max_percentage * total
