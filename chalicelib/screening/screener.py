"""Calls and answers held to a tenant's policy: what the generator asks before and after a model.

A screen that does not answer is an error, and the call is not made: what was to be looked at goes
nowhere unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from chalicelib.screening.ports import PictureScreen, PolicyRecords, TextScreen

PICTURE_RULE = "sexual.picture"
PICTURE_WORDS = "a picture that is likely to be pornographic"


@dataclass(frozen=True, slots=True)
class Screens:
    """What looks at texts and at pictures."""

    texts: TextScreen
    pictures: PictureScreen

    def of_texts(
        self,
        texts: Sequence[OriginText],
        categories: Sequence[Category],
        least: float,
        correlation_id: str,
    ) -> tuple[Finding, ...]:
        """Return what is in texts; nothing is asked where there is nothing to look at or for."""
        if not texts or not categories:
            return ()
        return self.texts.screen(texts, categories, least, correlation_id)

    def of_pictures(
        self, pictures: Sequence[bytes], categories: Sequence[Category], correlation_id: str
    ) -> Iterator[Finding]:
        """Yield how sexual each picture is; of other categories nobody looks at pictures.

        Raises:
            InvalidInput: a picture is too large to be looked at.
        """
        if "sexual" not in categories:
            return
        for at, picture in enumerate(pictures):
            if len(picture) > MAX_PICTURE_BYTES:
                raise InvalidInput(
                    f"A picture has {len(picture)} bytes; {MAX_PICTURE_BYTES} can be screened.",
                    field=f"images.{at}",
                    limit=f"{MAX_PICTURE_BYTES} bytes",
                )
            looked = self.pictures.look(picture, correlation_id)
            yield Finding(
                rule=PICTURE_RULE,
                category="sexual",
                text=at,
                score=looked.score,
                words=PICTURE_WORDS,
            )


@dataclass(frozen=True, slots=True)
class Holding:
    """One request held to one policy."""

    policy: ScreeningPolicy
    screens: Screens
    correlation_id: str

    @property
    def needs_whole_answer(self) -> bool:
        """Tell whether an answer has to be whole before any of it is given."""
        return policies.holds_back(self.policy)

    def screen_input(self, call: Call) -> ScreenedInput:
        """Return the call as a model may see it, and what was found in it.

        Raises:
            InvalidInput: it is refused, and the message names the rule.
        """
        placed = calls.texts_of(call)
        found, looked = self._found(
            "input", [one.given() for one in placed], calls.pictures_of(call)
        )
        decided = policies.decide(self.policy, "input", found)
        if decided.refused is not None:
            raise InvalidInput(
                told(decided.refused, "The input"), field=placed[decided.refused.text].field
            )
        seen = policies.decide(self.policy, "input", looked)
        if seen.refused is not None:
            raise InvalidInput(told(seen.refused, "The input"), field="messages")
        if decided.masked:
            texts = policies.masked_texts([one.text for one in placed], decided.masked)
            call = calls.with_texts(call, texts)
        return ScreenedInput(call, (*decided.told, *seen.told))

    def screen_output(self, output: Output) -> ScreenedOutput:
        """Return the output as it may be given, or why it may not."""
        texts, fixed = calls.output_texts(output)
        given = [OriginText(text=text, origin="output") for text in texts]
        found, looked = self._found("output", given, calls.output_pictures(output))
        decided = policies.decide(self.policy, "output", found, fixed)
        seen = policies.decide(self.policy, "output", looked)
        refused = decided.refused or seen.refused
        if refused is not None:
            return ScreenedOutput(output, (), told(refused, "It"))
        if decided.masked:
            output = calls.with_text(output, policies.masked_texts(texts, decided.masked)[0])
        return ScreenedOutput(output, (*decided.told, *seen.told))

    def _found(
        self, side: Side, texts: Sequence[OriginText], pictures: Sequence[bytes]
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """Return what is in texts, and what is in pictures."""
        categories = policies.looked_for(self.policy, side)
        least = min((self.policy.categories[name].threshold for name in categories), default=0.0)
        found = self.screens.of_texts(texts, categories, least, self.correlation_id)
        return found, tuple(self.screens.of_pictures(pictures, categories, self.correlation_id))


@dataclass(frozen=True, slots=True)
class Screener:
    """Holds each tenant to its own policy, or to the stage's where it has none."""

    stage: ScreeningPolicy
    records: PolicyRecords
    screens: Screens

    def open_session(self, tenant: str, correlation_id: str) -> Holding | None:
        """Return what holds for a request of the tenant, None where nothing is screened."""
        given = self.records.policy(tenant)
        policy = given if given is not None else self.stage
        looked_for = (policies.looked_for(policy, "input"), policies.looked_for(policy, "output"))
        return Holding(policy, self.screens, correlation_id) if any(looked_for) else None


def told(finding: Finding, what: str) -> str:
    """Return in words for the caller why something is refused."""
    return f"{what} was refused by the screening rule {finding.rule}: {finding.words}."
