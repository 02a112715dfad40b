"""The marks of reasoning and of verdicts in replies: how prompts name them, how they are read.

Apart from the answers that follow them, whose JSON Schemas need a validator: whoever only renders
prompts carries none. Chain of thought: Wei et al. 2022, https://arxiv.org/abs/2201.11903. A second
question that checks the first: Weng et al. 2023, https://arxiv.org/abs/2212.09561.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.errors import ModelFailure

OPENING = "<reasoning>"


CLOSING = "</reasoning>"


ACCEPT = "ACCEPT"


REJECT = "REJECT"


_VERDICT = re.compile(rf"\W*({ACCEPT}|{REJECT})\b(.*)", re.IGNORECASE | re.DOTALL)


_MARKS = re.compile(r"\A\W+")


@dataclass(frozen=True, slots=True)
class TurnAnswer:
    """An answer, and the reasoning before it."""

    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class VerifierVerdict:
    """Whether the verifier accepts an answer, and why not ("" if it does)."""

    accepted: bool
    reason: str = ""


def format_reasoning(reasoning: str, output: str) -> str:
    """Return an example's answer in the form that a model is to write."""
    return f"{OPENING}\n{reasoning}\n{CLOSING}\n{output}"


def cut_reasoning(text: str) -> TurnAnswer:
    """Return the answer of a turn that reasons.

    A model that answers at once has no reasoning to cut. The answer follows the last mark, so
    that a mark mentioned in the reasoning ends nothing early.

    Raises:
        ModelFailure: the reasoning has no end, or nothing follows it.
    """
    before, mark, after = text.rpartition(CLOSING)
    if not mark:
        if OPENING in text:
            raise ModelFailure(
                f"The reasoning has no end ({CLOSING}); give the turn more max_tokens."
            )
        return TurnAnswer(text.strip())
    if not after.strip():
        raise ModelFailure(f"Nothing comes after the reasoning ({CLOSING}).")
    return TurnAnswer(after.strip(), before.replace(OPENING, "", 1).strip())


def parse_verdict(text: str) -> VerifierVerdict:
    """Return the verifier's verdict.

    Raises:
        ModelFailure: the text begins with neither of the two words.
    """
    found = _VERDICT.match(text)
    if found is None:
        raise ModelFailure(f"The verifier says neither {ACCEPT} nor {REJECT}.")
    if found[1].upper() == ACCEPT:
        return VerifierVerdict(accepted=True)
    reason = _MARKS.sub("", found[2]).strip()
    return VerifierVerdict(accepted=False, reason=reason or "The verifier gave no reason.")
