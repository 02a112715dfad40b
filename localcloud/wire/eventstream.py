"""The binary event stream that ConverseStream and its kin answer with.

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

_STRING = 7


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message: prelude, its CRC, string headers, payload, CRC of it all."""
    head = b"".join(
        struct.pack("!B", len(name.encode()))
        + name.encode()
        + struct.pack("!BH", _STRING, len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack("!I", crc32(prelude)) + head + payload
    return body + struct.pack("!I", crc32(body))


def encode(shape: StructureShape, events: Iterable[tuple[str, Any]]) -> Iterator[bytes]:
    """Yield a message for each (member, JSON value or bytes); an AwsError becomes an exception
    message.
    """
    try:
        for name, value in events:
            raw = isinstance(value, bytes)
            yield message(
                {
                    ":event-type": name,
                    ":content-type": "application/octet-stream" if raw else "application/json",
                    ":message-type": "event",
                },
                value if raw else json.dumps(value).encode(),
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
