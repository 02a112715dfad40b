"""Own data, from a file or a folder to a checked channel. Nothing is written where it is wrong.

Rows are read once into a spool on disk, compared and split there, and written then. Memory holds
some 60 bytes a row, so that a file of 2 GB takes no more than one of 200 MB needs for its rows.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from models.training.recipe import DataKind
from models.training_data import texts
from models.training_data.channel import (
    PARTS,
    ChannelWriter,
    DataManifest,
    DataPart,
    DataSource,
    TeacherRecord,
)
from models.training_data.class_names import LEAST_ROWS
from models.training_data.likeness import Likeness, find_likeness
from models.training_data.near_duplicates import SketchFile
from models.training_data.normaliser import RowNormaliser
from models.training_data.pictures import open_picture
from models.training_data.problems import ProblemLog, printable
from models.training_data.report import DataReport, LengthSummary, reported_problems
from models.training_data.rows import ROWS, DataRow
from models.training_data.sources import read_source
from models.training_data.splits import (
    ABOUT,
    ABOUT_BOTH,
    ABOUT_TEST,
    TEST,
    TRAIN,
    VALIDATION,
    Parts,
    given_parts,
    joined_groups,
    split_parts,
)
from models.training_data.spool import MAX_ROWS, RowSpool
from models.training_data.tables import ParquetReader, SourceRecord
from models.training_data.tokens import TokenCounter

MIN_ROWS = 10
SMALL_TEST = 30
MAX_ROW_TOKENS = 100_000
MAX_ROW_CHARACTERS = 400_000
UNBALANCED = 20
MAX_CLASS_SHARE = 0.5
"""The most classes a row: a class of two rows on average can hardly be learned."""
MIN_CLASSES_CHECKED = 20
MIN_CLASS_ROWS = 4
"""Rows of a class below which it is hardly both learned and judged."""
_WITHOUT_LIMIT: frozenset[DataKind] = frozenset(("text",))
"""Kinds whose rows are packed, whatever their length."""


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Data to be checked or prepared.

    `kind` is the kind of rows that is wished; rows of one of `other_kinds` are taken, too, if the
    first row is one. `columns` are a file's names of our fields, by field; `accepted` are names of
    errors that are known and taken; `evaluation` has the held-out rows. `source` says in the
    manifest where the data comes from, `teachers` which models answered its rows, and `tenant` of
    which tenant of a stage they are.
    """

    path: Path
    kind: DataKind | None = None
    evaluation: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    source: str = ""
    accepted: Collection[str] = ()
    tokenizer: Path | None = None
    parquet: ParquetReader | None = None
    teachers: tuple[TeacherRecord, ...] = ()
    tenant: str = ""
    other_kinds: Collection[DataKind] = ()


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The report of a preparation; `manifest` is None where the data is wrong."""

    report: DataReport
    manifest: DataManifest | None


def check(request: DataRequest) -> DataReport:
    """Return the report of some data. Raises OSError where there is no room for its rows."""
    with (
        tempfile.TemporaryDirectory(prefix="headrace-data-") as scratch,
        _Preparation(request, Path(scratch), None) as checked,
    ):
        return checked.report()


def prepare(request: DataRequest, into: Path, made_by: str = "") -> PreparedData:
    """Check data and write it as a channel, unless it has an error. Raises DiskFull, OSError."""
    with (
        tempfile.TemporaryDirectory(prefix="headrace-data-") as scratch,
        _Preparation(request, Path(scratch), into) as checked,
    ):
        if not request.licence.strip():
            checked.log.add("no_licence")
        report = checked.report()
        if report.errors or checked.kind is None:
            return PreparedData(report, None)
        return PreparedData(report, checked.write(into, report, made_by))


class _Preparation:
    def __init__(self, request: DataRequest, scratch: Path, into: Path | None) -> None:
        self._request, self._scratch, self._into = request, scratch, into
        self.log = ProblemLog(request.accepted)
        self.kind = request.kind
        self._spool = RowSpool(scratch / "rows")
        self._pictures = SketchFile(scratch / "pictures.sketches")
        self._pictures_at = scratch / "pictures"
        self._pictures_at.mkdir()
        self._classes: Counter[str] = Counter()
        self._personal = texts.PersonalData()
        self._likeness = Likeness(np.zeros(0, np.bool_), np.zeros((0, 2), np.int64))
        self._parts: Parts = np.zeros(0, np.int16)
        self._counter: TokenCounter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()
        self._pictures.close()

    def report(self) -> DataReport:
        """Read, compare and split the rows."""
        self._read()
        self._pictures.close()
        if self._counter is not None:
            self._counter.finish()
        rows = len(self._spool)
        if self._request.evaluation is None:
            self._spool.set_parts(given_parts(self._spool.parts))
        if rows and self.kind is not None:
            self._likeness = find_likeness(
                self._spool, self.kind, self._pictures, self._scratch, self.log
            )
            self._parts = self._split()
        if not self._is_too_small() and rows:
            self._look_at_parts()
            self._look_at_classes()
        kept = ~self._likeness.copies
        languages = texts.languages(self._spool, self.kind) if rows and self.kind else {}
        if len(languages) > 1:
            told = ", ".join(f"{name} {share:.0%}" for name, share in languages.items())
            self.log.add("several_languages", "", told)
        return DataReport(
            source=printable(self._request.source or self._request.path.name),
            kind=self.kind,
            rows=int(kept.sum()),
            parts={part: int((self._parts[kept] == at).sum()) for at, part in enumerate(PARTS)},
            classes=dict(self._classes.most_common()),
            lengths=LengthSummary.of(self._spool.lengths, self._unit) if rows else None,
            languages=languages,
            duplicates=int(self._likeness.copies.sum()),
            alike=len(self._likeness.near),
            personal_data=self._personal.rows,
            problems=reported_problems(self.log),
        )

    @property
    def _unit(self) -> str:
        return "characters" if self._counter is None else "tokens"

    def _read(self) -> None:
        request = self._request
        sources: list[tuple[Path, DataPart | None]] = [(request.path, None)]
        if request.evaluation is not None:
            sources.append((request.evaluation, "test"))
        normaliser = RowNormaliser(request.kind, request.columns, self.log, request.other_kinds)
        for path, part in sources:
            before = len(self._spool)
            for record in read_source(
                path, self._pictures_at, self.log, request.parquet, request.kind
            ):
                if len(self._spool) >= MAX_ROWS:
                    self.log.add("too_large", record.place, f"over {MAX_ROWS:,} rows")
                    return
                row = normaliser.row(record)
                self.kind = normaliser.kind
                if row is not None:
                    given = record.part if request.evaluation is None else (part or "train")
                    self._keep(row, record, given)
            if part is not None and len(self._spool) == before:
                self.log.add("nothing_held_out", path.name, "no row of it can be used")
        normaliser.finish()

    def _keep(self, row: DataRow, record: SourceRecord, part: DataPart | None) -> None:
        every = (*row.input_texts(), *row.answer_texts())
        length = self._length(every)
        if self._is_too_long(every, length, record.place):
            return
        # Last, because each picture that is looked at has to be one of a row that stays.
        name = row.image_file()
        if name is not None:
            kept = self._kept_picture(name, record)
            if kept is None:
                return
            row = row.model_copy(update={"file": kept})
        self._personal.look_at(every, record.place, self.log)
        label = row.class_label()
        if label is not None:
            self._classes[label] += 1
        self._spool.add(row, record.place, part, length)

    def _kept_picture(self, name: str, record: SourceRecord) -> str | None:
        folder = record.folder or Path()
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            self.log.add("outside_path", record.place, name)
            return None
        opened = open_picture(path, record.place, self.log)
        if opened is None:
            return None
        self._pictures.add(opened.sketch)
        kept = f"{hashlib.sha256(opened.content).hexdigest()[:32]}{opened.suffix}"
        if self._into is not None and not (self._scratch / "kept" / kept).exists():
            (self._scratch / "kept").mkdir(exist_ok=True)
            (self._scratch / "kept" / kept).write_bytes(opened.content)
        return kept

    def _length(self, every: Collection[str]) -> int:
        if self._request.tokenizer is not None and self._counter is None:
            self._counter = TokenCounter(self._request.tokenizer, self.kind, self.log)
        return sum(map(len, every)) if self._counter is None else self._counter.count([*every])

    def _is_too_long(self, every: Collection[str], length: int, place: str) -> bool:
        if self.kind in _WITHOUT_LIMIT:
            return False
        limit = MAX_ROW_CHARACTERS if self._counter is None else MAX_ROW_TOKENS
        if length > limit:
            self.log.add("long_row", place, f"{length:,} {self._unit}; {limit:,} are the most")
            return True
        context = 0 if self._counter is None else self._counter.context
        if context and length > context:
            self.log.add("cut_row", place, f"{length:,} tokens; the context has {context:,}")
        return False

    def _split(self) -> Parts:
        group = joined_groups(
            self._spool.inputs,
            self._spool.groups,
            [(int(one), int(other)) for one, other in self._likeness.near],
        )
        named = self._spool.groups
        return split_parts(group, np.where(named > 0, named, self._spool.inputs), self._spool.parts)

    def _look_at_parts(self) -> None:
        kept = self._parts[~self._likeness.copies]
        held_out = int((kept == TEST).sum())
        if not held_out or not (kept == TRAIN).any():
            self.log.add("nothing_held_out", "", f"{len(kept):,} rows in one group")
        elif held_out < SMALL_TEST:
            self.log.add("small_data", "", f"{held_out} held-out rows")

    def _is_too_small(self) -> bool:
        """Return whether there are too few rows to say more, and note it unless it is said."""
        rows = int((~self._likeness.copies).sum())
        told = any(each.kind.severity == "error" for each in self.log.found())
        if rows < MIN_ROWS and (rows or not told):
            self.log.add("few_rows", "", f"{rows} rows can be used")
        return rows < MIN_ROWS

    def _look_at_classes(self) -> None:
        classes, total = self._classes, sum(self._classes.values())
        if not classes:
            return
        if len(classes) == 1:
            self.log.add("one_class", "", f"{total:,} rows of {next(iter(classes))!r}")
            return
        if total > MIN_CLASSES_CHECKED and len(classes) > MAX_CLASS_SHARE * total:
            self.log.add("many_classes", "", f"{len(classes):,} classes of {total:,} rows")
            return
        smallest, fewest = min(classes.items(), key=lambda each: each[1])
        largest, most = classes.most_common(1)[0]
        trained = self._trained_classes()
        for name, count in classes.items():
            if trained[name] < LEAST_ROWS:
                told = f"{name!r} has {trained[name]} of its {count} rows to train on"
                self.log.add("untrained_class", "", told)
            elif count < MIN_CLASS_ROWS:
                self.log.add("rare_class", "", f"{name!r} has {count}")
        if most > UNBALANCED * fewest:
            self.log.add(
                "unbalanced_classes", "", f"{largest!r} has {most:,}, {smallest!r} {fewest:,}"
            )

    def _about_split(self) -> str:
        given = self._spool.parts
        if not (given == TEST).any():
            return ABOUT
        return ABOUT_BOTH if (given == VALIDATION).any() else ABOUT_TEST

    def _trained_classes(self) -> Counter[str]:
        """Return the rows of each class that are trained on."""
        assert self.kind is not None
        found: Counter[str] = Counter()
        for number in np.flatnonzero((self._parts == TRAIN) & ~self._likeness.copies):
            row = ROWS[self.kind].model_validate_json(self._spool.at(int(number)).line)
            found[row.class_label() or ""] += 1
        return found

    def write(self, into: Path, report: DataReport, made_by: str) -> DataManifest:
        """Write the rows as a channel. Raises DiskFull."""
        assert self.kind is not None
        about = DataSource(
            source=report.source,
            licence=self._request.licence.strip() or "not said",
            split=self._about_split(),
            teachers=self._request.teachers,
            tenant=self._request.tenant,
        )
        with ChannelWriter(into, self.kind) as writer:
            for number, spooled in enumerate(self._spool.rows()):
                if self._likeness.copies[number]:
                    continue
                row = ROWS[self.kind].model_validate_json(spooled.line)
                name = row.image_file()
                if name is not None:
                    kept = (self._scratch / "kept" / name).read_bytes()
                    row = row.model_copy(update={"file": writer.add_file(kept, Path(name).suffix)})
                writer.add(PARTS[self._parts[number]], row)
            return writer.close(about, report.accepted(), made_by)
