"""Rows of what a teacher answered: which answers are taken, and the record beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli.failures import CommandError, UsageError
from cli.options import StageOptions
from cli.output import Json, Output

if TYPE_CHECKING:
    from models.training_data.channel import TeacherRecord

DECLINED, EMPTY, CUT_OFF, FILTERED = "declined", "empty", "cut off", "filtered"
_FINISHES = {"length": CUT_OFF, "content_filter": FILTERED, "tool_calls": "calls of tools"}


@dataclass(slots=True)
class TeacherRows:
    """Rows that a teacher answered, and how many answers were left out, by reason."""

    rows: list[Json] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def add(
        self, messages: Iterable[Json], answer: str, finish: str = "stop", **fields: str
    ) -> None:
        """Add an answer as a row, or count why it is none: cut off, filtered, declined, empty."""
        reason = unusable(answer, finish)
        if reason:
            self.dropped[reason] += 1
            return
        turns = [*messages, {"role": "assistant", "content": answer}]
        self.rows.append({**fields, "messages": turns})


def unusable(answer: str, finish: str = "stop") -> str:
    """Return why an answer is not to be learned, or "".

    A refusal is known by the words that it begins with, in English alone.
    """
    from chalicelib.captures.refusals import is_refusal

    if finish in _FINISHES:
        return _FINISHES[finish]
    if not answer.strip():
        return EMPTY
    return DECLINED if is_refusal(answer) else ""


def record_of(place: StageOptions, model: str, accepted: Iterable[str] = ()) -> TeacherRecord:
    """Return the record of a teacher by its entry in the catalogue, or in the stage's.

    Raises:
        UsageError: there is no such model, or none that chats.
        CommandError: the stage cannot be asked.
    """
    from chalicelib.errors import NotFound
    from chalicelib.generation.model_file import served_models
    from infra.models.added_models import AddedModelError, AddedModelStage, translate_model_errors
    from models.training_data.teachers import teacher_record

    found = served_models().models.get(model)
    if found is None:
        try:
            with translate_model_errors():
                found = AddedModelStage(place.find()).models().models.model(model)
        except (AddedModelError, ValueError) as error:
            raise CommandError(str(error)) from error
        except NotFound as error:
            raise UsageError(error.message) from error
    if found.task != "chat":
        raise UsageError(f"{model} is a model of {found.task}; a teacher answers chats.")
    return teacher_record(model, found.provider, tuple(accepted))


def write_rows(output: Output, file: Path, found: TeacherRows, record: TeacherRecord) -> None:
    """Write rows and the record of their teacher, and say how many answers were left out.

    Raises:
        CommandError: no answer is left, or the files cannot be written.
    """
    from models.failures import TrainingFailure
    from models.training_data.teachers import record_path, write_record

    told = ", ".join(f"{count} {reason}" for reason, count in sorted(found.dropped.items()))
    if not found.rows:
        raise CommandError(f"{record.model} gave no answer to learn from: {told or 'none at all'}.")
    counts = {"rows": len(found.rows), "dropped": dict(sorted(found.dropped.items()))}
    try:
        with file.open("w", encoding="utf-8") as lines:
            for row in found.rows:
                lines.write(f"{json.dumps(row, ensure_ascii=False)}\n")
        write_record(file, record.model_copy(update=counts))
    except (OSError, TrainingFailure) as error:
        raise CommandError(f"{file} cannot be written: {error}") from error
    output.notice(
        f"{len(found.rows)} answers of {record.model} in {file}; left out: {told or 'none'}. "
        f"Its record is {record_path(file).name}."
    )
