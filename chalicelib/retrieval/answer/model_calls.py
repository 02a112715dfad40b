"""Calls of a language model for one question: their replies, their use, and their failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    NoAnswer,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.answers import ConversationTurn
    from chalicelib.contracts.functions.check_support import CheckResult
    from chalicelib.contracts.functions.embed_text import EmbedTextResult
    from chalicelib.contracts.functions.rerank_passages import RerankResult
    from chalicelib.contracts.receipts import ReceiptLine
    from chalicelib.contracts.search import Hit


class RestingModel(Transient):
    """Raised when a model that the request does not ask for is spared: it failed shortly before."""


@dataclass(frozen=True, slots=True)
class ModelReply:
    """The text that a language model wrote, and the receipt lines of all attempts at it.

    `text` is "" if no attempt succeeded. `is_complete` is false if the model was stopped, by its
    token limit or otherwise. `screen_findings` are the kinds of content that the screen found but
    let pass.
    """

    text: str
    lines: tuple[ReceiptLine, ...]
    is_complete: bool = True
    screen_findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelUse:
    """One use of a model for a query; `role` is the role of its line in the receipt."""

    role: str
    result: EmbedTextResult | RerankResult | CheckResult | ModelReply


class AnswerWriter(Protocol):
    """A language model that answers questions from passages and rewrites follow-up questions.

    A model that the request does not name (`is_requested` is false) has less time, and is left
    alone for a while once it failed.
    """

    def deadline(self, *, is_requested: bool = True) -> float:
        """Return the time, by the writer's clock, by which a question put now must be answered."""

    def seconds_left(self, deadline: float) -> float:
        """Return the seconds from now to `deadline`, by the writer's clock."""

    def token_budget(self, question: str, language: str = "") -> int:
        """Return the tokens left for passages beside the question and the answer."""

    def count_tokens(self, passage: Hit) -> int:
        """Return the tokens of the budget that `passage` takes, never too few."""

    def write(
        self,
        question: str,
        passages: Sequence[Hit],
        spender: Spender,
        deadline: float,
        language: str = "",
        *,
        is_requested: bool = True,
    ) -> ModelReply:
        """Return the answer as the model wrote it, with any marks.

        Args:
            question: the question as it reads alone.
            passages: all that the model may answer from.
            spender: who pays; a model that it may not use or cannot pay is not called.
            deadline: as `deadline()` gave it for the question.
            language: the English name of the language to answer in; "" leaves it to the model.
            is_requested: whether the request names the tier of language models.

        Raises:
            RestingModel: the model failed shortly before, and was not called now.
            HeadraceError: the call failed or the screen refused it; the error holds the receipt
                of attempts in vain.
        """

    def rewrite(
        self,
        question: str,
        history: Sequence[ConversationTurn],
        spender: Spender,
        deadline: float,
        *,
        is_requested: bool = True,
    ) -> ModelReply:
        """Return `question` rewritten so that it can be understood alone; raise as `write` does."""


@dataclass(slots=True)
class AnswerUsage:
    """The models that one answer used, and the notices for the caller about it."""

    uses: list[ModelUse] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def add_embedding(self, role: str, result: EmbedTextResult) -> EmbedTextResult:
        """Record an embedding and return it."""
        self.uses.append(ModelUse(f"{role} embedding", result))
        return result

    def add_reply(self, role: str, reply: ModelReply) -> ModelReply:
        """Record a reply of a language model, with a notice of screen findings; return it."""
        self.uses.append(ModelUse(role, reply))
        if reply.screen_findings:
            kinds = ", ".join(reply.screen_findings)
            self.notices.append(f"The screen found {kinds} in what the language model was to do.")
        return reply

    def add_failure(self, role: str, error: HeadraceError, notice: str) -> None:
        """Record that the language model failed: the cost of its attempts, and the notice.

        A model that rests after an earlier failure is passed over without a word.
        """
        if isinstance(error, RestingModel):
            return
        if error.receipt is not None:
            lost = ModelReply("", error.receipt.lines, is_complete=False)
            self.uses.append(ModelUse(role, lost))
        self.notices.append(notice)


_TIMED_OUT_SHARE = 0.75
"""A call that failed after this share of its time is told as one that took too long: a client waits
whole seconds, and the last ones are too few for another try."""


def call_model(
    usage: AnswerUsage,
    writer: AnswerWriter,
    deadline: float,
    role: str,
    call: Callable[[], ModelReply],
) -> ModelReply | None:
    """Return the reply to `call`, recorded in `usage`; None, with a notice, if it failed.

    Args:
        usage: what the question used so far.
        writer: the language model that `call` calls.
        deadline: when it has to be done, by the writer's clock.
        role: the role of the receipt's line: `answer`, or `question` for a question to rewrite.
        call: the call, which may raise `HeadraceError`.
    """
    limit = writer.seconds_left(deadline)
    try:
        reply = call()
    except HeadraceError as error:
        seconds = limit - writer.seconds_left(deadline)
        usage.add_failure(role, error, describe_model_failure(role, error, seconds, limit))
        return None
    return usage.add_reply(role, reply)


def describe_model_failure(role: str, error: HeadraceError, seconds: float, limit: float) -> str:
    """Return the notice that a call failed with `error` after `seconds` of its `limit`.

    The message of an error that the caller cannot mend may name hosts, and is not repeated.
    """
    after = f"{max(0.0, seconds):.1f} seconds"
    did = "complete the question" if role == "question" else "answer"
    if isinstance(error, (InvalidInput, Unsupported, QuotaExceeded, NoAnswer)):
        return f"The language model did not {did}: {error.message.rstrip('.')}."
    if isinstance(error, Throttled):
        return f"The language model has more to do than it can take now: it did not {did}."
    if isinstance(error, Transient):
        if seconds >= _TIMED_OUT_SHARE * limit:
            return f"The language model took too long: it did not {did} within {after}."
        return f"The language model could not be reached: it failed after {after}."
    return f"The language model gave nothing that can be used: it failed after {after}."
