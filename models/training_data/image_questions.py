"""Questions on pictures and their answers, as a channel, for models that answer in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.failures import BadData
from models.training_data.channel import DataChannel, read_channel
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import QuestionedImage


@dataclass(frozen=True, slots=True)
class ImageQuestionPart:
    """Questions of a part, with their answers and pictures, one a row.

    `groups` are the rows that belong together: those of one picture, or of one group of the data.
    """

    paths: Sequence[Path]
    questions: Sequence[str]
    answers: Sequence[str]
    groups: RowGroups

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, slots=True)
class ImageQuestions:
    """A channel."""

    train: ImageQuestionPart
    validation: ImageQuestionPart
    test: ImageQuestionPart

    def for_trial(self) -> ImageQuestions:
        """Return the channel with the validation rows in place of the test's."""
        if not len(self.validation):
            raise BadData("There are no validation rows to try settings on.")
        return ImageQuestions(self.train, self.validation, self.validation)


def read(folder: Path) -> ImageQuestions:
    """Read a channel.

    Raises:
        BadData: a row is broken, or its picture is missing; or all training rows have one answer.
    """
    channel = read_channel(folder, QuestionedImage)
    train, validation, test = (
        image_question_part(channel, rows)
        for rows in (channel.train, channel.validation, channel.test)
    )
    if len(set(train.answers)) < 2:
        raise BadData(
            f"train.jsonl has one answer only, {train.answers[0][:80]!r}: there is nothing to see. "
            "Add questions with another."
        )
    return ImageQuestions(train, validation, test)


def image_question_part(
    channel: DataChannel[QuestionedImage], rows: Sequence[QuestionedImage]
) -> ImageQuestionPart:
    """Return some rows of a channel."""
    return ImageQuestionPart(
        [channel.file(row.file) for row in rows],
        [row.question for row in rows],
        [row.answer.strip() for row in rows],
        row_groups(rows),
    )
