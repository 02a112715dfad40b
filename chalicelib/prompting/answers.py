"""What models answer to a prompt's turns, read: reasoning cut off, verdicts told.

Chain of thought: Wei et al. 2022, https://arxiv.org/abs/2201.11903. A second question that checks
the first: Weng et al. 2023, https://arxiv.org/abs/2212.09561.
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
class Answer:
    """An answer without the thoughts before it, and those."""

    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer stands, and why not; "" where it does."""

    accepted: bool
    reason: str = ""


def shown_reasoning(reasoning: str, output: str) -> str:
    """Return an example's answer as a model is to write it."""
    return f"{OPENING}\n{reasoning}\n{CLOSING}\n{output}"


def cut_reasoning(text: str) -> Answer:
    """Return the answer of a turn that reasons.

    A model that goes straight to the answer has none to cut. What follows the last mark is the
    answer, so that a mark that is spoken of in the thoughts ends nothing early.

    Raises:
        ModelFailure: the thoughts have no end, or nothing comes after them.
    """
    before, mark, after = text.rpartition(CLOSING)
    if not mark:
        if OPENING in text:
            raise ModelFailure(
                f"The reasoning has no end ({CLOSING}); give the turn more max_tokens."
            )
        return Answer(text.strip())
    if not after.strip():
        raise ModelFailure(f"Nothing comes after the reasoning ({CLOSING}).")
    return Answer(after.strip(), before.replace(OPENING, "", 1).strip())


def read_verdict(text: str) -> Verdict:
    """Return what a verifier says.

    Raises:
        ModelFailure: it begins with neither of the two words, so that it says neither.
    """
    found = _VERDICT.match(text)
    if found is None:
        raise ModelFailure(f"The verifier says neither {ACCEPT} nor {REJECT}.")
    if found[1].upper() == ACCEPT:
        return Verdict(accepted=True)
    reason = _MARKS.sub("", found[2]).strip()
    return Verdict(accepted=False, reason=reason or "The verifier gave no reason.")
