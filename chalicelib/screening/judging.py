"""The check `moderated`: an answer says or shows nothing harmful, whatever its tenant's policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.screening import CategoryPolicy, ScreeningPolicy
from chalicelib.errors import HeadraceError
from chalicelib.generation.checks import PASSED, CheckVerdict
from chalicelib.screening.policies import HARMFUL
from chalicelib.screening.screener import Holding, Screens

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, Output

POLICY = ScreeningPolicy(
    categories={category: CategoryPolicy(output="refuse") for category in HARMFUL}
)


@dataclass(frozen=True, slots=True)
class ModerationJudge:
    """Judges outputs by the screens of texts and pictures. `log` hears why they did not answer."""

    screens: Screens
    log: Callable[[HeadraceError], None]

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        """Return whether nothing harmful is found in `output`.

        One that could not be looked at does not stand.
        """
        try:
            refusal = Holding(POLICY, self.screens, "").screen_output(output).refusal
        except HeadraceError as error:
            self.log(error)
            why = f"it could not be looked at ({type(error).__name__})"
            return CheckVerdict(passed=False, reason=why)
        return CheckVerdict(passed=False, reason=refusal.rstrip(".")) if refusal else PASSED
