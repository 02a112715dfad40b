"""Pictures on their way into an invocation of a function."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from chalicelib.contracts.generations import ImagePart
from chalicelib.contracts.looking import MAX_BYTES
from chalicelib.errors import InvalidInput


def in_base64(images: Sequence[ImagePart], field: str) -> list[bytes]:
    """Return pictures in base64, as contracts read them.

    Raises:
        InvalidInput: together they are too large for an invocation; it names the `field`.
    """
    size = sum(len(image.data) for image in images)
    if size > MAX_BYTES:
        raise InvalidInput(
            f"{field}: the pictures have {size} bytes, and {MAX_BYTES} are looked at at once; make"
            " them smaller, or send fewer.",
            field=field,
            limit=f"{MAX_BYTES} bytes",
        )
    return [base64.b64encode(image.data) for image in images]
