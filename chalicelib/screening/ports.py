"""What screening needs from outside, each with a real and a faked implementation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.screening import (
        Category,
        Finding,
        OriginText,
        ScreenImageResult,
        ScreeningPolicy,
    )


class TextScreen(Protocol):
    """Finds what is in texts, as the function `screen_text` does."""

    def screen(
        self,
        texts: Sequence[OriginText],
        categories: Collection[Category],
        least: float,
        correlation_id: str,
    ) -> tuple[Finding, ...]:
        """Return what is found of `categories`, of all where there is none, from `least` on.

        Raises:
            InvalidInput: the texts are too many or too long.
            Throttled, Transient: it may be asked again.
            ModelFailure: it gave nothing usable.
        """


class PictureScreen(Protocol):
    """Looks at pictures, as the function `screen_image` does."""

    def look(self, picture: bytes, correlation_id: str) -> ScreenImageResult:
        """Return how likely a picture is pornographic. Raises as `TextScreen.screen` does."""


class PolicyRecords(Protocol):
    """What operators said of tenants."""

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the tenant's own policy, None where it has the stage's."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """What a guardrail makes of texts: the `texts` with what it masked, in order; the rule by which
    it `blocked` all of them, or ""; and the names of the rules that `masked` something.
    """

    texts: tuple[str, ...]
    blocked: str = ""
    masked: tuple[str, ...] = ()


class Guardrail(Protocol):
    """A guardrail of Bedrock."""

    def apply(self, source: Literal["INPUT", "OUTPUT"], texts: Sequence[str]) -> Assessed:
        """Return what becomes of texts that go to a model, or come from one.

        Raises:
            Throttled, Transient: it may be asked again.
            HeadraceError: it cannot be asked, since there is no such guardrail or it may not be.
        """
