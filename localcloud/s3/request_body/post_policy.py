"""The POST policy of an upload form: conditions on its fields and its file.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from localcloud.errors import AwsError

_EXEMPT = frozenset({"policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"})


@dataclass(frozen=True, slots=True)
class ContentLengthRange:
    """The policy's `content-length-range`: the size of the file in bytes."""

    minimum: int
    maximum: int

    def check_maximum(self, size: int) -> None:
        """Raise EntityTooLarge as soon as the file has too many bytes."""
        if size > self.maximum:
            raise AwsError(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
                ProposedSize=size,
                MaxSizeAllowed=self.maximum,
            )

    def check_size(self, size: int) -> None:
        """Raise if the complete file has too few or too many bytes."""
        self.check_maximum(size)
        if size < self.minimum:
            raise AwsError(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=size,
                MinSizeAllowed=self.minimum,
            )


@dataclass(frozen=True, slots=True)
class _Condition:
    operator: str
    field: str
    value: str

    def holds(self, actual: str) -> bool:
        if self.operator == "eq":
            return actual == self.value
        if self.field == "content-type":
            return all(one.strip().startswith(self.value) for one in actual.split(","))
        return actual.startswith(self.value)

    def __str__(self) -> str:
        return f'["{self.operator}", "${self.field}", "{self.value}"]'


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """A decoded POST policy; `expiration` is in seconds since 1970."""

    expiration: float
    conditions: tuple[_Condition, ...]
    size: ContentLengthRange | None

    @classmethod
    def decode(cls, text: str) -> PostPolicy:
        """Decode the form's `policy` field; raise InvalidPolicyDocument if it is malformed."""
        try:
            document = json.loads(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError) as error:
            raise _invalid("Invalid Policy: Invalid JSON.") from error
        if not isinstance(document, dict) or not isinstance(document.get("conditions"), list):
            raise _invalid("Invalid Policy: Missing required conditions list.")
        conditions: list[_Condition] = []
        size = None
        for entry in document["conditions"]:
            limit = _size_limit(entry)
            if limit is not None:
                size = limit
            else:
                conditions.extend(_conditions(entry))
        return cls(_expiration(document.get("expiration")), tuple(conditions), size)

    def check(self, fields: Mapping[str, str], bucket: str, now: float) -> None:
        """Raise AccessDenied if the policy has expired or does not allow the fields.

        `fields` have lower-case names, and `${filename}` in `key` is replaced already.
        """
        if now > self.expiration:
            raise _forbidden("Invalid according to Policy: Policy expired.")
        actual = {"bucket": bucket, **fields}
        for condition in self.conditions:
            if not condition.holds(actual.get(condition.field, "")):
                raise _forbidden(
                    f"Invalid according to Policy: Policy Condition failed: {condition}"
                )
        named = {condition.field for condition in self.conditions}
        for field in fields:
            if field in _EXEMPT or field in named or field.startswith("x-ignore-"):
                continue
            raise _forbidden(f"Invalid according to Policy: Extra input fields: {field}")


def _conditions(entry: object) -> list[_Condition]:
    if isinstance(entry, dict):
        return [
            _Condition("eq", str(field).lower(), _text(value)) for field, value in entry.items()
        ]
    if isinstance(entry, list) and len(entry) == 3:
        operator, field, value = entry
        operator = str(operator).lower()
        if operator in ("eq", "starts-with") and str(field).startswith("$"):
            return [_Condition(operator, str(field)[1:].lower(), _text(value))]
    raise _invalid(f"Invalid Policy: Invalid condition: {json.dumps(entry)}")


def _size_limit(entry: object) -> ContentLengthRange | None:
    if not isinstance(entry, list) or not entry:
        return None
    if str(entry[0]).lower() != "content-length-range":
        return None
    try:
        _, minimum, maximum = entry
        return ContentLengthRange(int(minimum), int(maximum))
    except (TypeError, ValueError) as error:
        raise _invalid("Invalid Policy: Invalid content-length-range.") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _invalid("Invalid Policy: A condition's value must be text.")
    return value


def _expiration(text: object) -> float:
    if not isinstance(text, str):
        raise _invalid("Invalid Policy: Missing required expiration.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid("Invalid Policy: Invalid 'expiration' value") from error
    if moment.tzinfo is None:
        raise _invalid("Invalid Policy: Invalid 'expiration' value")
    return moment.timestamp()


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidPolicyDocument", message)


def _forbidden(message: str) -> AwsError:
    return AwsError("AccessDenied", message, 403)
