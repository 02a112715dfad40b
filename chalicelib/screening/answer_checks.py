"""The checks `moderated` and `supported` of answers.

`moderated`: an answer says or shows nothing harmful, whatever its tenant's policy. `supported`:
every sentence rests on the documents or tool results in the call; what a user says is no source.
The rules of the latter are in `functions/check_support`, and are made for English prose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.check_support import (
    MAX_CLAIMS,
    MAX_SOURCES,
    MAX_TEXT,
    CheckSource,
)
from chalicelib.contracts.generations import ChatCall, ChatOutput, TextPart
from chalicelib.contracts.receipts import ReceiptLine, dollars
from chalicelib.contracts.screening import CategoryPolicy, ScreeningPolicy
from chalicelib.errors import HeadraceError
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.generation.check_names import quoted_texts
from chalicelib.generation.checks import PASSED, CheckVerdict
from chalicelib.screening.policies import HARMFUL
from chalicelib.screening.screener import ContentScreens, PolicySession

if TYPE_CHECKING:
    from chalicelib.contracts.functions.check_support import CheckResult
    from chalicelib.contracts.generations import Call, Output
    from chalicelib.retrieval.answer.generated_answers import SupportChecker


POLICY = ScreeningPolicy(
    categories={category: CategoryPolicy(output="refuse") for category in HARMFUL}
)


@dataclass(frozen=True, slots=True)
class ModerationJudge:
    """Checks outputs by the screens of texts and pictures.

    `log` receives the errors of screens that did not answer.
    """

    screens: ContentScreens
    log: Callable[[HeadraceError], None]

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        """Return whether nothing harmful is found in `output`.

        An output that cannot be screened fails.
        """
        try:
            refusal = PolicySession(POLICY, self.screens, "").screen_output(output).refusal
        except HeadraceError as error:
            self.log(error)
            reason = f"it could not be looked at ({type(error).__name__})"
            return CheckVerdict(passed=False, reason=reason)
        return CheckVerdict(passed=False, reason=refusal.rstrip(".")) if refusal else PASSED


ROLE = "support check"
_SOURCE_PIECE = re.compile(rf"[\s\S]{{1,{MAX_TEXT}}}(?!\S)|[\s\S]{{1,{MAX_TEXT}}}")


@dataclass(frozen=True, slots=True)
class SupportJudge:
    """Checks answers by the support check.

    `cost` returns the price of so many seconds of it, in nano-dollars; `log` receives its errors.
    """

    checker: SupportChecker
    cost: Callable[[float], int]
    log: Callable[[HeadraceError], None]

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        """Return whether every sentence of the answer rests on a source.

        An answer that cannot be checked fails.
        """
        from chalicelib.retrieval.answer.evidence import answer_sentences

        assert isinstance(call, ChatCall), "the check is for chat"
        assert isinstance(output, ChatOutput), "a chat is answered by one"
        claims = answer_sentences(output.text)
        if not claims:
            return PASSED if output.tool_calls else _failed_verdict("it says nothing")
        pieces = [
            piece
            for text in quoted_texts(call)
            for piece in _SOURCE_PIECE.findall(text)
            if piece.strip()
        ]
        longest = max(map(len, claims))
        if len(pieces) > MAX_SOURCES or len(claims) > MAX_CLAIMS or longest > MAX_TEXT:
            return _failed_verdict(
                f"it cannot be checked: {len(claims)} sentences and {len(pieces)} sources of up to"
                f" {MAX_TEXT} characters, and {MAX_CLAIMS} and {MAX_SOURCES} are the most"
            )
        sources = [CheckSource(id=number, text=piece) for number, piece in enumerate(pieces)]
        try:
            checked = self.checker.check(_question(call), claims, sources, "")
        except HeadraceError as error:
            self.log(error)
            return _failed_verdict(f"it could not be checked ({type(error).__name__})")
        return CheckVerdict(*_support_result(checked), lines=(self._line(checked),))

    def _line(self, checked: CheckResult) -> ReceiptLine:
        return ReceiptLine(
            model=checked.model,
            priced_as=LAMBDA,
            role=ROLE,
            tokens_in=checked.tokens,
            seconds=round(checked.seconds, 6),
            dollars=dollars(self.cost(checked.seconds)),
        )


def lambda_cost(cost: Callable[[str, float], int], memory_mb: int) -> Callable[[float], int]:
    """Return the function that prices one invocation by its seconds, in nano-dollars."""

    def of(seconds: float) -> int:
        gb_seconds = float(Decimal(memory_mb) / 1024) * seconds
        return cost("lambda.gb_second.arm64", gb_seconds) + cost("lambda.request", 1)

    return of


def _support_result(checked: CheckResult) -> tuple[bool, str]:
    """Return whether all claims are supported, and otherwise how many are not, and why."""
    unsupported = [verdict for verdict in checked.verdicts if not verdict.supported]
    if not unsupported:
        return True, ""
    reasons = [reason.replace("_", " ") for verdict in unsupported for reason in verdict.reasons]
    suffix = f": {', '.join(dict.fromkeys(reasons))}" if reasons else ""
    share = f"{len(unsupported)} of {len(checked.verdicts)} sentences"
    return False, f"{share} rest on nothing that was given{suffix}"


def _question(call: ChatCall) -> str:
    """Return the user's last question, cut to what the check reads."""
    texts: Sequence[str] = [
        part.text
        for part in call.messages[-1].content
        if isinstance(part, TextPart) and part.origin == "input"
    ]
    return texts[-1][:MAX_TEXT] if texts else ""


def _failed_verdict(reason: str) -> CheckVerdict:
    return CheckVerdict(passed=False, reason=reason)
