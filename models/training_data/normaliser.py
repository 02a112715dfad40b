"""Records of files as rows of one kind; what makes no row is noted with its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from models.training.recipe import DataKind
from models.training_data import forms
from models.training_data.chat_forms import UnknownFormError
from models.training_data.problems import PROBLEMS, ProblemLog
from models.training_data.rows import ROWS, DataRow, TaggedText
from models.training_data.tables import SourceRecord

_MANGLED = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f]")


class RowNormaliser:
    """Turns records into rows. The kind is that of the first record, if none is wished."""

    def __init__(
        self,
        kind: DataKind | None,
        columns: Mapping[str, str],
        log: ProblemLog,
        other_kinds: Collection[DataKind] = (),
    ) -> None:
        """Begin with `columns`, a file's names of our fields, by field.

        Rows are of one of `other_kinds` if the first one is, and is none of `kind`.
        """
        self.kind = kind
        self._other_kinds = other_kinds
        self._columns, self._log = columns, log
        self._formless: list[SourceRecord] = []
        self._formless_count = 0
        self._rows = 0
        self._begun = False
        self._unread: Counter[str] = Counter()
        self._label_types: dict[str, str] = {}
        self._spellings: dict[str, str] = {}

    def row(self, record: SourceRecord) -> DataRow | None:
        """Return the row of a record, or None; what is wrong is noted."""
        fields = self._renamed(record.fields)
        if self.kind is None:
            self.kind = forms.detected_kind(fields)
        elif not self._begun:
            self.kind = forms.first_fitting((self.kind, *self._other_kinds), fields) or self.kind
        self._begun = True
        try:
            if self.kind is None:
                raise UnknownFormError("missing_column", "")
            form = forms.form_of(self.kind, fields)
            made = forms.row_fields(self.kind, form, fields)
            row = ROWS[self.kind].model_validate(self._with_unix_lines(made))
        except UnknownFormError as error:
            self._note_form(record, error)
            return None
        except ValidationError as error:
            problem, detail = _described(error)
            self._log.add(problem, record.place, detail)
            return None
        self._rows += 1
        self._unread.update(forms.unread_columns(form, fields))
        self._look_at(row, fields, record.place)
        return row

    def finish(self) -> None:
        """Note what only all records say: missing columns, and how labels are written."""
        if self._formless and not self._rows:
            first = self._formless[0]
            detail = self._lacking(first) or f"fields are {_names(list(first.fields)[:20])}"
            self._log.add("missing_column", first.place, detail, self._formless_count)
        elif self._formless:
            for number, record in enumerate(self._formless):
                extra = self._formless_count - len(self._formless) if not number else 0
                problem, detail = "missing_field", self._lacking(record)
                if self._is_other_kind(record):
                    problem, detail = "several_kinds", ""
                self._log.add(problem, record.place, detail or _names(record.fields), 1 + extra)
        for name, count in self._unread.most_common(20):
            self._log.add("unread_column", "", f"{name}, in {count:,} rows")
        if len(self._label_types) > 1:
            self._log.add(
                "mixed_labels",
                "",
                "; ".join(f"{kind} at {place}" for kind, place in self._label_types.items()),
            )

    def _lacking(self, record: SourceRecord) -> str:
        """Name the fields that a record lacks, and those that it has; nothing without a kind."""
        if self.kind is not None:
            try:
                forms.form_of(self.kind, self._renamed(record.fields))
            except UnknownFormError as error:
                return error.detail
        return ""

    def _is_other_kind(self, record: SourceRecord) -> bool:
        """Return whether a record is a whole row of another kind, and no part of one of this."""
        fields = self._renamed(record.fields)
        other = forms.detected_kind(fields)
        if other is None or self.kind is None:
            return False
        own = {name for form in forms.FORMS[self.kind] for name in (*form.needs, *form.may)}
        return not set(forms.form_of(other, fields).needs) <= own

    def _renamed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return fields under our names. A column that is named takes the place of its field."""
        if not self._columns:
            return fields
        taken = {column: field for field, column in self._columns.items() if column in fields}
        others = {
            name: value
            for name, value in fields.items()
            if name not in taken and name not in taken.values()
        }
        return {**others, **{field: fields[column] for column, field in taken.items()}}

    def _with_unix_lines(self, value: Any) -> Any:
        """Return texts whose lines end with LF; those with spans stay, which count characters."""
        if self.kind == TaggedText.kind:
            return value
        if isinstance(value, str):
            return value.replace("\r\n", "\n") if "\r" in value else value
        if isinstance(value, list):
            return [self._with_unix_lines(each) for each in value]
        if isinstance(value, dict):
            return {name: self._with_unix_lines(each) for name, each in value.items()}
        return value

    def _note_form(self, record: SourceRecord, error: UnknownFormError) -> None:
        if error.problem != "missing_column":
            self._log.add(error.problem, record.place, error.detail)
            return
        self._formless_count += 1
        if len(self._formless) < 5:
            self._formless.append(record)

    def _look_at(self, row: DataRow, fields: Mapping[str, Any], place: str) -> None:
        for text in (*row.input_texts(), *row.answer_texts()):
            if found := _MANGLED.search(text):
                self._log.add("mangled_text", place, f"{found.group()!r} at {found.start()}")
                break
        label = row.class_label()
        if label is not None:
            given = fields.get("label")
            kind = "numbers" if isinstance(given, int | float) else "texts"
            self._label_types.setdefault(kind, place)
            known = self._spellings.setdefault(" ".join(label.casefold().split()), label)
            if known != label:
                self._log.add("mixed_labels", place, f"{label!r} and {known!r}")
        if isinstance(row, TaggedText):
            for span in row.spans:
                inside = row.text[span.start : span.end]
                if inside != inside.strip():
                    self._log.add("span_edge", place, repr(inside))


def _names(fields: Iterable[str]) -> str:
    return ", ".join(map(str, fields))


def _described(error: ValidationError) -> tuple[str, str]:
    """Return the name of a problem and its detail, of the first error of a row."""
    first = error.errors()[0]
    kind, place = first["type"], ".".join(str(part) for part in first["loc"])
    if kind in PROBLEMS:
        problem = kind
    elif kind == "literal_error":
        problem = "unknown_role" if place.endswith("role") else "wrong_field"
    elif kind == "missing" or first["input"] is None:
        problem = "missing_field"
    else:
        problem = "wrong_field"
    given = f" (given {first['input']!r:.60})" if problem in ("unknown_role", "wrong_field") else ""
    return problem, f"{place}: {first['msg']}{given}" if place else first["msg"]
