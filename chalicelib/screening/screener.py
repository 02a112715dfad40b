"""Screening of calls and answers by a tenant's policy, before and after a model is called.

If a screen does not answer, that is an error and the call is not made: unscreened content goes
nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.screening import (
    MAX_PICTURE_BYTES,
    Category,
    Finding,
    OriginText,
    ScreeningPolicy,
    Side,
)
from chalicelib.errors import InvalidInput
from chalicelib.generation.dependencies import ScreenedInput, ScreenedOutput
from chalicelib.screening import calls, policies

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, Output
    from chalicelib.contracts.screening import ScreenImageResult


class TextScreen(Protocol):
    """A screen of texts, such as the function `screen_text`."""

    def screen(
        self,
        texts: Sequence[OriginText],
        categories: Collection[Category],
        least: float,
        correlation_id: str,
    ) -> tuple[Finding, ...]:
        """Return the findings of `categories` (all if empty), from the score `least` on.

        Raises:
            InvalidInput: the texts are too many or too long.
            Throttled, Transient: it may be asked again.
            ModelFailure: the result cannot be used.
        """


class PictureScreen(Protocol):
    """A screen of pictures, such as the function `screen_image`."""

    def look(self, picture: bytes, correlation_id: str) -> ScreenImageResult:
        """Return how likely a picture is pornographic; raises like `TextScreen.screen`."""


class PolicyRecords(Protocol):
    """Policies of tenants, which operators set."""

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the tenant's own policy, None if the stage's applies."""


PICTURE_RULE = "sexual.picture"
PICTURE_WORDS = "a picture that is likely to be pornographic"


@dataclass(frozen=True, slots=True)
class ContentScreens:
    """The screens of texts and pictures."""

    texts: TextScreen
    pictures: PictureScreen

    def of_texts(
        self,
        texts: Sequence[OriginText],
        categories: Sequence[Category],
        least: float,
        correlation_id: str,
    ) -> tuple[Finding, ...]:
        """Return the findings in texts; nothing is called if there is nothing to look for."""
        if not texts or not categories:
            return ()
        return self.texts.screen(texts, categories, least, correlation_id)

    def of_pictures(
        self, pictures: Sequence[bytes], categories: Sequence[Category], correlation_id: str
    ) -> Iterator[Finding]:
        """Yield how sexual each picture is; other categories are not screened in pictures.

        Raises:
            InvalidInput: a picture is too large to be screened.
        """
        if "sexual" not in categories:
            return
        for number, picture in enumerate(pictures):
            if len(picture) > MAX_PICTURE_BYTES:
                raise InvalidInput(
                    f"A picture has {len(picture)} bytes; {MAX_PICTURE_BYTES} can be screened.",
                    field=f"images.{number}",
                    limit=f"{MAX_PICTURE_BYTES} bytes",
                )
            result = self.pictures.look(picture, correlation_id)
            yield Finding(
                rule=PICTURE_RULE,
                category="sexual",
                text=number,
                score=result.score,
                words=PICTURE_WORDS,
            )


@dataclass(frozen=True, slots=True)
class PolicySession:
    """One request held to one policy."""

    policy: ScreeningPolicy
    screens: ContentScreens
    correlation_id: str

    @property
    def needs_whole_answer(self) -> bool:
        """Tell whether an answer has to be complete before any of it is given."""
        return policies.needs_whole_output(self.policy)

    def screen_input(self, call: Call) -> ScreenedInput:
        """Return the call as a model may see it, and the findings in it.

        Raises:
            InvalidInput: it is refused, and the message names the rule.
        """
        placed = calls.call_texts(call)
        in_texts, in_pictures = self._found(
            "input", [text_.given() for text_ in placed], calls.call_pictures(call)
        )
        decided = policies.decide(self.policy, "input", in_texts)
        if decided.refused is not None:
            raise InvalidInput.by_screening(
                refusal_message(decided.refused, "The input"), placed[decided.refused.text].field
            )
        seen = policies.decide(self.policy, "input", in_pictures)
        if seen.refused is not None:
            message = refusal_message(seen.refused, "The input")
            raise InvalidInput.by_screening(message, "messages")
        if decided.masked:
            texts = policies.masked_texts([text_.text for text_ in placed], decided.masked)
            call = calls.with_texts(call, texts)
        return ScreenedInput(call, (*decided.told, *seen.told))

    def screen_output(self, output: Output) -> ScreenedOutput:
        """Return the output as it may be given, or why it may not."""
        texts, fixed = calls.output_texts(output)
        given = [OriginText(text=text, origin="output") for text in texts]
        in_texts, in_pictures = self._found("output", given, calls.output_pictures(output))
        decided = policies.decide(self.policy, "output", in_texts, fixed)
        seen = policies.decide(self.policy, "output", in_pictures)
        refused = decided.refused or seen.refused
        if refused is not None:
            return ScreenedOutput(output, (), refusal_message(refused, "It"))
        if decided.masked:
            output = calls.with_text(output, policies.masked_texts(texts, decided.masked)[0])
        return ScreenedOutput(output, (*decided.told, *seen.told))

    def _found(
        self, side: Side, texts: Sequence[OriginText], pictures: Sequence[bytes]
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """Return the findings in texts, and those in pictures."""
        categories = policies.active_categories(self.policy, side)
        least = min((self.policy.categories[name].threshold for name in categories), default=0.0)
        found = self.screens.of_texts(texts, categories, least, self.correlation_id)
        return found, tuple(self.screens.of_pictures(pictures, categories, self.correlation_id))


@dataclass(frozen=True, slots=True)
class Screener:
    """Holds each tenant to its own policy, or to the stage's if it has none."""

    stage: ScreeningPolicy
    records: PolicyRecords
    screens: ContentScreens

    def policy_of(self, tenant: str) -> ScreeningPolicy:
        """Return the tenant's own policy, or the stage's."""
        own = self.records.policy(tenant)
        return own if own is not None else self.stage

    def open_session(self, tenant: str, correlation_id: str) -> PolicySession | None:
        """Return the session of a request of the tenant, None if nothing is screened."""
        policy = self.policy_of(tenant)
        active = (
            policies.active_categories(policy, "input"),
            policies.active_categories(policy, "output"),
        )
        return PolicySession(policy, self.screens, correlation_id) if any(active) else None


def refusal_message(finding: Finding, what: str) -> str:
    """Return why something is refused, for the caller; `what` names it."""
    return f"{what} was refused by the screening rule {finding.rule}: {finding.words}."
