"""The check `supported`: what an answer says rests on what the call gave the model to go by.

What it gave are its documents and the results of tools; what a user says is no source. The rules
are those that answers about documents are held to, in `functions/check_support`, and are made for
English prose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import ChatCall, ChatOutput, TextPart
from chalicelib.contracts.receipts import ReceiptLine, dollars
from chalicelib.contracts.support import MAX_CLAIMS, MAX_SOURCES, MAX_TEXT, CheckSource
from chalicelib.errors import HeadraceError
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.generation.check_names import quoted_texts
from chalicelib.generation.checks import PASSED, CheckVerdict

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, Output
    from chalicelib.contracts.support import CheckResult
    from chalicelib.retrieval.answer.generated_answers import SupportChecker

ROLE = "support check"
_PIECE = re.compile(rf"[\s\S]{{1,{MAX_TEXT}}}(?!\S)|[\s\S]{{1,{MAX_TEXT}}}")


@dataclass(frozen=True, slots=True)
class SupportJudge:
    """Judges answers by the support check. `cost` returns what so many seconds of it cost, in
    nano-dollars, and `log` hears why it did not answer.
    """

    checker: SupportChecker
    cost: Callable[[float], int]
    log: Callable[[HeadraceError], None]

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        """Return whether every sentence of the answer rests on a source.

        One that could not be checked does not stand.
        """
        from chalicelib.retrieval.answer.evidence import answer_sentences

        assert isinstance(call, ChatCall), "the check is for chat"
        assert isinstance(output, ChatOutput), "a chat is answered by one"
        claims = answer_sentences(output.text)
        if not claims:
            return PASSED if output.tool_calls else _failed("it says nothing")
        pieces = [
            piece for text in quoted_texts(call) for piece in _PIECE.findall(text) if piece.strip()
        ]
        longest = max(map(len, claims))
        if len(pieces) > MAX_SOURCES or len(claims) > MAX_CLAIMS or longest > MAX_TEXT:
            return _failed(
                f"it cannot be checked: {len(claims)} sentences and {len(pieces)} sources of up to"
                f" {MAX_TEXT} characters, and {MAX_CLAIMS} and {MAX_SOURCES} are the most"
            )
        sources = [CheckSource(id=at, text=piece) for at, piece in enumerate(pieces)]
        try:
            checked = self.checker.check(_question(call), claims, sources, "")
        except HeadraceError as error:
            self.log(error)
            return _failed(f"it could not be checked ({type(error).__name__})")
        return CheckVerdict(*_stands(checked), lines=(self._line(checked),))

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
    """Return what tells the price of one invocation of a function by its seconds."""

    def of(seconds: float) -> int:
        gb_seconds = float(Decimal(memory_mb) / 1024) * seconds
        return cost("lambda.gb_second.arm64", gb_seconds) + cost("lambda.request", 1)

    return of


def _stands(checked: CheckResult) -> tuple[bool, str]:
    """Return whether all claims rest on a source, and else how many do not, and why."""
    doubted = [verdict for verdict in checked.verdicts if not verdict.supported]
    if not doubted:
        return True, ""
    reasons = [reason.replace("_", " ") for verdict in doubted for reason in verdict.reasons]
    why = f": {', '.join(dict.fromkeys(reasons))}" if reasons else ""
    of = f"{len(doubted)} of {len(checked.verdicts)} sentences"
    return False, f"{of} rest on nothing that was given{why}"


def _question(call: ChatCall) -> str:
    """Return what the user asked last, as far as the check reads."""
    texts: Sequence[str] = [
        part.text
        for part in call.messages[-1].content
        if isinstance(part, TextPart) and part.origin == "input"
    ]
    return texts[-1][:MAX_TEXT] if texts else ""


def _failed(reason: str) -> CheckVerdict:
    return CheckVerdict(passed=False, reason=reason)
