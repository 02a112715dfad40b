"""OpenAI's moderation categories from our screening rules. Pure.

https://platform.openai.com/docs/guides/moderation#content-classifications
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.contracts.openai.moderations import (
    ModerationRequest,
    ModerationResponse,
    ModerationResult,
    PictureInput,
    TextInput,
)
from chalicelib.contracts.screening import DEFAULT_THRESHOLD, Category, Finding
from chalicelib.errors import InvalidInput, Unsupported

SCREENED_CATEGORIES: tuple[Category, ...] = (
    "harassment",
    "threat",
    "hate",
    "self-harm",
    "sexual",
    "violence",
)
RULES_BY_CATEGORY: Mapping[str, tuple[str, ...]] = {
    "harassment": ("harassment.*",),
    "harassment/threatening": ("threat.*",),
    "hate": ("hate.*",),
    "hate/threatening": ("hate.call",),
    "illicit": (),
    "illicit/violent": ("violence.how-to",),
    "self-harm": ("self-harm.*",),
    "self-harm/intent": ("self-harm.intent", "self-harm.despair"),
    "self-harm/instructions": ("self-harm.method", "self-harm.hidden"),
    "sexual": ("sexual.*",),
    "sexual/minors": ("sexual.minors",),
    "violence": ("violence.*", "threat.*"),
    "violence/graphic": ("violence.graphic", "violence.gore"),
}
"""Our rules for each of OpenAI's categories; a category without rules is not screened."""

_IMAGE_CATEGORY = "sexual"
_DATA = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,")


@dataclass(frozen=True, slots=True)
class ModerationInput:
    """The texts and images of one result."""

    texts: tuple[str, ...]
    pictures: tuple[bytes, ...] = ()


def moderation_inputs(request: ModerationRequest) -> list[ModerationInput]:
    """Return the input of each result.

    Raises:
        Unsupported: An image is given by a URL that is not a `data:` URL.
        InvalidInput: An image is not valid base64.
    """
    given = request.input
    if isinstance(given, str):
        return [ModerationInput((given,))]
    texts = [one for one in given if isinstance(one, str)]
    if texts:
        return [ModerationInput((text,)) for text in texts]
    parts = [one for one in given if isinstance(one, (TextInput, PictureInput))]
    return [
        ModerationInput(
            tuple(part.text for part in parts if isinstance(part, TextInput)),
            tuple(
                _picture(part.image_url.url, at)
                for at, part in enumerate(parts)
                if isinstance(part, PictureInput)
            ),
        )
    ]


def moderation_response(
    request: ModerationRequest,
    own_id: str,
    inputs: Sequence[ModerationInput],
    findings: Iterable[Sequence[Finding]],
) -> ModerationResponse:
    """Return the response; `findings` has those of each of `inputs`, in order."""
    results = tuple(_result(one, found) for one, found in zip(inputs, findings, strict=True))
    return ModerationResponse(id=own_id, model=request.model, results=results)


def _result(inputs: ModerationInput, findings: Sequence[Finding]) -> ModerationResult:
    scores = {name: _score(rules, findings) for name, rules in RULES_BY_CATEGORY.items()}
    categories = {name: score >= DEFAULT_THRESHOLD for name, score in scores.items()}
    sure = {found.rule for found in findings if found.score >= DEFAULT_THRESHOLD}
    return ModerationResult(
        flagged=any(categories.values()),
        categories=categories,
        category_scores=scores,
        category_applied_input_types={
            name: _input_types(name, inputs) for name in RULES_BY_CATEGORY
        },
        rules=tuple(sorted(sure)),
    )


def _score(rules: Sequence[str], findings: Sequence[Finding]) -> float:
    return max((one.score for one in findings if _matches(one.rule, rules)), default=0.0)


def _matches(rule: str, rules: Sequence[str]) -> bool:
    return rule in rules or f"{rule.partition('.')[0]}.*" in rules


def _input_types(name: str, inputs: ModerationInput) -> tuple[Literal["text", "image"], ...]:
    found: list[Literal["text", "image"]] = []
    if inputs.texts and RULES_BY_CATEGORY[name]:
        found.append("text")
    if inputs.pictures and name == _IMAGE_CATEGORY:
        found.append("image")
    return tuple(found)


def _picture(url: str, at: int) -> bytes:
    begins = _DATA.match(url)
    if begins is None:
        raise Unsupported(
            "A picture is taken as a data: URL of a PNG, JPEG, WebP or GIF; none is fetched.",
            field=f"input.{at}.image_url.url",
        )
    try:
        return base64.b64decode(url[begins.end() :], validate=True)
    except binascii.Error as error:
        raise InvalidInput(
            "The picture is no base64.", field=f"input.{at}.image_url.url"
        ) from error
