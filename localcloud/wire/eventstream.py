"""The binary event stream of responses such as ConverseStream's.

Format: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zlib import crc32

from botocore.model import StructureShape

from localcloud.errors import AwsError

_STRING_HEADER = 7


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message: prelude, CRC of the prelude, string headers, payload, CRC of all."""
    head = b"".join(
        struct.pack("!B", len(name.encode()))
        + name.encode()
        + struct.pack("!BH", _STRING_HEADER, len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack("!I", crc32(prelude)) + head + payload
    return body + struct.pack("!I", crc32(body))


def encode(shape: StructureShape, events: Iterable[tuple[str, Any]]) -> Iterator[bytes]:
    """Yield a message for each event, given as its member's name and JSON value or bytes.

    An AwsError from the events becomes an exception message and ends the stream.
    """
    try:
        for name, value in events:
            is_raw = isinstance(value, bytes)
            yield message(
                {
                    ":event-type": name,
                    ":content-type": "application/octet-stream" if is_raw else "application/json",
                    ":message-type": "event",
                },
                value if is_raw else json.dumps(value).encode(),
            )
    except AwsError as error:
        names = {member.name: name for name, member in shape.members.items()}
        yield message(
            {
                ":exception-type": names.get(error.code, error.code),
                ":content-type": "application/json",
                ":message-type": "exception",
            },
            json.dumps({"message": error.message}).encode(),
        )
