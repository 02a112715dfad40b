"""Questions on pictures and their answers as tokens of a base, of which the answers are learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chalicelib.errors import HeadraceError
from chalicelib.inference.visual_questions import QuestionPrompt
from models.failures import BadData
from models.networks.chat_tokens import ChatTokens
from models.networks.vision_language_settings import VisionLanguageSettings
from models.training_data.image_questions import ImageQuestionPart


def encode_questions(
    prompt: QuestionPrompt,
    part: ImageQuestionPart,
    settings: VisionLanguageSettings,
    end: int,
    name: str,
) -> list[ChatTokens]:
    """Return the rows of a part as tokens; `end` ends an answer, `name` is the part's in errors.

    Raises:
        BadData: a row has more tokens than the settings allow, or an answer that the tokenizer
            cannot write; the message has its line, the limit and the fix.
    """
    found = []
    for number, (question, answer) in enumerate(zip(part.questions, part.answers, strict=True), 1):
        try:
            read = prompt.question_ids(question)
        except HeadraceError as error:
            raise BadData(f"{name}.jsonl, line {number}: {error.message}") from error
        written = [*prompt.answer_ids(question, answer), end]
        _require_length(name, number, "question", len(read), settings.max_tokens, "max_tokens")
        most = settings.max_answer_tokens
        _require_length(name, number, "answer", len(written), most, "max_answer_tokens")
        told = prompt.text(written[:-1])
        if told != answer:
            raise BadData(
                f"{name}.jsonl, line {number}: the base cannot write the answer {answer[:60]!r}: "
                f"it would be {told[:60]!r}. Its tokenizer lacks a character, or joins spaces; "
                "change the answer, or take another base."
            )
        learned = (*(0 for _ in read), *(1 for _ in written))
        found.append(ChatTokens((*read, *written), learned, len(read)))
    return found


def _require_length(part: str, line: int, what: str, size: int, limit: int, setting: str) -> None:
    if size > limit:
        raise BadData(
            f"{part}.jsonl, line {line}: the {what} makes {size} tokens, and {setting} is {limit}; "
            f"shorten it, or set {setting}."
        )


def majority_answers(
    trained: Sequence[str], answers: Sequence[str], asked: Sequence[str]
) -> list[str]:
    """Return the commonest answer of training rows with the same question, or with any.

    It is what a model without eyes says at its best of questions that it knows.
    """
    by_question: dict[str, Counter[str]] = {}
    for question, answer in zip(trained, answers, strict=True):
        by_question.setdefault(_plain(question), Counter())[answer] += 1
    ((commonest, _),) = Counter(answers).most_common(1)
    return [
        found.most_common(1)[0][0] if (found := by_question.get(_plain(each))) else commonest
        for each in asked
    ]


def _plain(question: str) -> str:
    return " ".join(question.casefold().split())
