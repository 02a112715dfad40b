"""Names as AWS's Java SDK writes them, which are those of `aws-sdk` integrations.

https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re
from functools import cache

_BOUNDARIES = (
    (re.compile(r"[^A-Za-z0-9]+"), " "),
    (re.compile(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])"), " "),
    (re.compile(r"([A-Z]+)([A-Z][a-z])"), r"\1 \2"),
    (re.compile(r"([0-9])([a-zA-Z])"), r"\1 \2"),
)
_RESERVED = {"Null": "Nul"}
"""DynamoDB's `NULL` would be a word of Java, so that its SDK calls it `nul`."""


@cache
def pascal(name: str) -> str:
    """Return a name of botocore's as the Java SDK has it: `MD5OfBody` is `Md5OfBody`."""
    for pattern, replacement in _BOUNDARIES:
        name = pattern.sub(replacement, name)
    joined = "".join(word[:1].upper() + word[1:].lower() for word in name.split())
    return _RESERVED.get(joined, joined)


def exception_name(code: str) -> str:
    """Return the class that stands for an error code: `NoSuchKey` is `NoSuchKeyException`."""
    bare = code.rsplit(".", 1)[-1].removesuffix("Exception").removesuffix("Fault")
    return f"{bare}Exception"
