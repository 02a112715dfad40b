"""Teachers: models whose answers become training data, and on which terms of their providers.

`teachers.json` has what could be read of those terms, with a source and a date. What is not known
has to be agreed to by name like any other. A file of rows that a teacher answered has its record
beside it, `NAME.teacher.json`, which goes into the manifest of the data and the model's card.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from models.failures import BadData
from models.files import write_atomically
from models.training_data.channel import TeacherRecord, TrainingTerms

TERMS_FILE = Path(__file__).with_name("teachers.json")
BESIDE = ".teacher.json"
"""What the name of a record ends with; it begins as that of the rows, without their suffix."""
OPTION = "--accept-terms"


class TeacherTerms(BaseModel):
    """What a provider's terms say of training on outputs; `read` is the date, "" if unread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    training: TrainingTerms
    says: str
    source: str
    read: str


@cache
def known_terms() -> dict[str, TeacherTerms]:
    """Return the terms by their names."""
    content = json.loads(TERMS_FILE.read_text(encoding="utf-8"))
    return {name: TeacherTerms.model_validate(each) for name, each in content["terms"].items()}


def teacher_record(model: str, provider: str, accepted: Collection[str] = ()) -> TeacherRecord:
    """Return the record of a teacher, of which no rows are counted yet.

    Args:
        model: its name in the catalogue.
        provider: its provider's name there.
        accepted: names of terms that the user agrees to.
    """
    listed = (pair for pair in known_terms().items() if pair[1].provider == provider)
    name, terms = next(listed, (_name_of(provider), _unknown(provider)))
    return TeacherRecord(
        model=model,
        terms=name,
        accepted=terms.training == "own" or name in accepted,
        **terms.model_dump(),
    )


def _name_of(provider: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", provider.lower()).strip("-") or "unknown"


def _unknown(provider: str) -> TeacherTerms:
    says = f"Nothing is known here of the terms of {provider}."
    return TeacherTerms(provider=provider, training="unknown", says=says, source="", read="")


def require_accepted(teachers: Iterable[TeacherRecord], accepted: Collection[str] = ()) -> None:
    """Raise BadData for a teacher whose terms nobody agreed to; the message has what they say."""
    for each in teachers:
        if not each.accepted and each.terms not in accepted:
            read = f"read on {each.read}" if each.read else "not read"
            source = f" ({each.source}, {read})" if each.source else ""
            raise BadData(
                f"{each.model} of {each.provider} was the teacher, and its terms on training by "
                f"outputs are {each.training}: {each.says}{source} Read them, and agree by "
                f"{OPTION} {each.terms}."
            )


def agreed(
    teachers: Iterable[TeacherRecord], accepted: Collection[str]
) -> tuple[TeacherRecord, ...]:
    """Return records with what was agreed to. Raises BadData for one whose terms were not."""
    found = tuple(teachers)
    require_accepted(found, accepted)
    return tuple(each.model_copy(update={"accepted": True}) for each in found)


def record_path(rows: Path) -> Path:
    """Return where the record of a file of rows lies."""
    return rows.with_name(f"{rows.stem}{BESIDE}")


def write_record(rows: Path, record: TeacherRecord) -> None:
    """Write the record of a file of rows beside it. Raises DiskFull."""
    write_atomically(record_path(rows), f"{record.model_dump_json(indent=1)}\n".encode())


def read_records(source: Path) -> tuple[TeacherRecord, ...]:
    """Return the records beside a file, or in a folder. Raises BadData for a broken one."""
    files = sorted(source.glob(f"*{BESIDE}")) if source.is_dir() else [record_path(source)]
    found = []
    for file in files:
        if not file.is_file():
            continue
        try:
            found.append(TeacherRecord.model_validate_json(file.read_bytes()))
        except ValidationError as error:
            raise BadData(f"{file} is no record of a teacher: {error}") from error
    return tuple(found)
