"""A guardrail of Amazon Bedrock, asked apart from the models, so that every model is held to it.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import translate, translated
from chalicelib.errors import HeadraceError, ModelFailure, Throttled, Transient
from chalicelib.screening.guardrails import GuardrailAssessment

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

MOST_CHARACTERS = 25_000
"""Of one request: 25 units of text, which is what an account may have assessed in a second where
nobody has raised its quota. https://docs.aws.amazon.com/general/latest/gr/bedrock.html
"""
MOST_BLOCKS = 64
"""Texts of one request; nothing documents a limit."""
_DOING = "asking the guardrail"
_BLOCKED, _MASKED = "BLOCKED", "ANONYMIZED"
_POLICY = re.compile(r"Policy$")
_PIECE = re.compile(rf"[\s\S]{{1,{MOST_CHARACTERS}}}(?!\S)|[\s\S]{{1,{MOST_CHARACTERS}}}")
_PASSING = {"ServiceQuotaExceededException": Throttled, "InternalServerException": Transient}


class BedrockGuardrail:
    """One version of one guardrail."""

    def __init__(self, client: BedrockRuntimeClient, identifier: str, version: str) -> None:
        self._client = client
        self._identifier = identifier
        self._version = version

    def apply(
        self, source: Literal["INPUT", "OUTPUT"], texts: Sequence[str]
    ) -> GuardrailAssessment:
        """Return what becomes of the texts. A long text is assessed in pieces that end with a word,
        short ones are assessed together.

        Raises:
            Throttled, Transient: it may be asked again.
            ModelFailure: its answer cannot be read.
            HeadraceError: there is no such guardrail, or it may not be asked: the operator's fault.
        """
        masked: dict[str, None] = {}
        found = [""] * len(texts)
        for group in _groups(texts):
            one = self._assessed(source, [piece for _, piece in group])
            if one.blocked:
                return GuardrailAssessment(tuple(texts), one.blocked)
            masked |= dict.fromkeys(one.masked)
            for (at, _), text in zip(group, one.texts, strict=True):
                found[at] += text
        return GuardrailAssessment(tuple(found), masked=tuple(masked))

    def _assessed(
        self, source: Literal["INPUT", "OUTPUT"], texts: Sequence[str]
    ) -> GuardrailAssessment:
        answer = self._asked(source, texts)
        if answer.get("action") != "GUARDRAIL_INTERVENED":
            return GuardrailAssessment(tuple(texts))
        rules = list(_rules(answer.get("assessments", ())))
        blocked = [name for name, action in rules if action == _BLOCKED]
        masked = tuple(dict.fromkeys(name for name, action in rules if action == _MASKED))
        if blocked or not masked:
            return GuardrailAssessment(tuple(texts), blocked[0] if blocked else "unnamed")
        outputs = [each.get("text") for each in answer.get("outputs") or ()]
        if len(outputs) == len(texts) and all(isinstance(text, str) for text in outputs):
            return GuardrailAssessment(tuple(outputs), masked=masked)
        if len(texts) == 1:
            raise ModelFailure("The guardrail masked a text and did not give it back.")
        alone = [self._assessed(source, [text]) for text in texts]
        return GuardrailAssessment(tuple(each.texts[0] for each in alone), masked=masked)

    def _asked(self, source: Literal["INPUT", "OUTPUT"], texts: Sequence[str]) -> dict[str, Any]:
        with translated(_DOING):
            try:
                answer: Any = self._client.apply_guardrail(
                    guardrailIdentifier=self._identifier,
                    guardrailVersion=self._version,
                    source=source,
                    content=[{"text": {"text": text}} for text in texts],
                )
            except ClientError as error:
                raise _failure(error) from error
        return dict(answer)


def _groups(texts: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    """Yield pieces of texts, each with the place of its text, as many as go into a request."""
    group: list[tuple[int, str]] = []
    size = 0
    for at, text in enumerate(texts):
        for piece in _PIECE.findall(text):
            if group and (size + len(piece) > MOST_CHARACTERS or len(group) == MOST_BLOCKS):
                yield group
                group, size = [], 0
            group.append((at, piece))
            size += len(piece)
    if group:
        yield group


def _rules(assessments: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the rules that found something, each with what it does; never what it found."""
    for assessment in assessments:
        for policy, lists in assessment.items():
            if not _POLICY.search(policy) or not isinstance(lists, Mapping):
                continue
            for listed, entries in lists.items():
                for entry in entries if isinstance(entries, list) else ():
                    name = entry.get("name") or entry.get("type") or listed
                    yield f"{_POLICY.sub('', policy)}.{name}", str(entry.get("action", ""))


def _failure(error: ClientError) -> HeadraceError:
    """Return our error; what a guardrail does not take is no caller's fault."""
    details: Any = error.response
    kind = _PASSING.get(str(details.get("Error", {}).get("Code", "")))
    found = kind(f"{_DOING}: {error}") if kind is not None else translate(error, _DOING)
    return found if isinstance(found, Throttled | Transient) else HeadraceError(found.message)
