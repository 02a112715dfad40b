"""The problems that training data can have: what each is, how bad it is, and how to mend it.

An **error** stops a training before anything is uploaded. One that is `acceptable` can be accepted
by its name: rows that cannot be read are then left out, others stay, and the card says how many. A
**warning** is shown and stands in the card. A **note** is only shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]

SHOWN_ROWS = 5
"""Rows that are shown of one problem; the others are counted."""
MAX_DETAIL = 200


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem. `drops` says that rows which have it cannot be used."""

    name: str
    severity: Severity
    about: str
    fix: str
    acceptable: bool = False
    drops: bool = False


def _broken(name: str, about: str, fix: str) -> ProblemKind:
    return ProblemKind(name, "error", about, fix, acceptable=True, drops=True)


def _error(name: str, about: str, fix: str) -> ProblemKind:
    return ProblemKind(name, "error", about, fix)


def _doubtful(name: str, about: str, fix: str) -> ProblemKind:
    return ProblemKind(name, "error", about, fix, acceptable=True)


def _warning(name: str, about: str, fix: str) -> ProblemKind:
    return ProblemKind(name, "warning", about, fix)


def _note(name: str, about: str, fix: str) -> ProblemKind:
    return ProblemKind(name, "note", about, fix)


_KINDS = (
    # Files.
    _error("not_data", "the file is no table or text", "unpack or convert it to JSONL or CSV"),
    _error("empty_file", "the file has no rows", "give a file with rows"),
    _error("encoding", "the text is in no encoding that can be told", "save it as UTF-8"),
    _note("other_encoding", "the text is not in UTF-8, and was read by a guess",
          "save it as UTF-8, and look at letters beyond ASCII"),
    _note("byte_order_mark", "the file begins with a byte order mark, which was left out",
          "nothing to do"),
    _note("windows_lines", "lines end with CR and LF, which was read as LF", "nothing to do"),
    _error("too_large", "the file or the data is larger than what is taken",
           "give it as JSONL, in parts, or a sample of it"),
    _error("unreadable_file", "the file cannot be opened", "check its path, rights and format"),
    _broken("symlink", "links are not followed", "put the file itself there"),
    _broken("outside_path", "the path leads out of the folder of the data",
            "name files below the data's own folder, without ../"),
    _note("other_file", "the file is none of the data, and was not read", "nothing to do"),
    _error("missing_column", "a field that rows of this kind need is not there",
           "name the columns: --column text=COLUMN; the forms are in docs/training-data.md"),
    _warning("no_header", "the first row has numbers, and no names of columns",
             "write the names of the columns into the first row"),
    _error("repeated_column", "two columns have one name", "rename one of them"),
    _note("unread_column", "the column is not read", "nothing to do, or --column FIELD=COLUMN"),
    _broken("several_kinds", "rows are of another kind than others", "give the files of one kind"),
    # Rows.
    _broken("broken_json", "the line is no JSON object", "mend the line: one object per line"),
    _broken("broken_csv", "the row has another number of fields than the header",
            "quote fields that hold the separator, quotes or line ends"),
    _broken("not_a_number", "NaN and Infinity are no JSON", "write null, or leave the row out"),
    _broken("missing_field", "the row lacks a field that others have", "fill it, or leave it out"),
    _broken("wrong_field", "a field is of the wrong type or too long", "see the field"),
    _broken("empty_text", "a text is empty", "fill it, or leave the row out"),
    _broken("unknown_role", "a role is none of system, user, assistant",
            "rename it; calls of tools are not trained on"),
    _broken("unread_content", "a message has content that is no text",
            "leave the row out, or use a kind with pictures"),
    _broken("role_order", "messages do not alternate between user and assistant, user first",
            "join messages of one role that follow each other"),
    _broken("last_not_assistant", "the chat does not end with the assistant's answer",
            "leave out what follows the last answer"),
    _broken("last_not_user", "what stands before the two answers does not end with the user",
            "leave out the answer from the prompt"),
    _broken("chosen_is_rejected", "the better and the worse one are the same",
            "leave ties out"),
    _broken("long_row", "the row is longer than what any model here is trained on",
            "cut it into several rows"),
    _warning("cut_row", "the row is longer than the model's context, and will be cut",
             "shorten it, or choose a base with more context"),
    _broken("empty_label", "the label is missing, empty or NaN", "label the row, or leave it out"),
    _broken("span_range", "a span is empty or ends outside its text",
            "count characters from 0; end is the first one after"),
    _broken("span_overlap", "spans overlap, or are not in order", "sort them, and keep one"),
    _warning("span_edge", "a span begins or ends with a space", "move its ends to the word's"),
    _warning("mangled_text", "the text has U+FFFD or control characters: it was decoded wrongly",
             "export it again as UTF-8"),
    _doubtful("duplicate_id", "two rows have the same id", "give each row an id of its own"),
    _warning("duplicate_row", "the row is there twice; it was left out the second time",
             "nothing to do, unless copies were meant as weights"),
    _note("near_duplicate", "rows are nearly the same; they are of one part of the split",
          "leave all but one out if they were made by mistake"),
    _warning("conflicting_labels", "one input has several labels or answers",
             "decide for one of them"),
    # Classes.
    _doubtful("mixed_labels", "labels are numbers and texts, or differ by case or spaces only",
              "write every class one way"),
    _error("one_class", "all rows are of one class", "add rows of other classes"),
    _error("untrained_class", "a class has fewer than two rows to train on, and cannot be learned",
           "add rows of it, join it to another class, or leave it out"),
    _warning("rare_class", "a class has so few rows that it is not both learned and judged",
             "add rows of it, or join it to another class"),
    _warning("unbalanced_classes", "the largest class has over 20 times the rows of the smallest",
             "add rows of the small ones; look at scores by class"),
    _error("many_classes", "there are nearly as many classes as rows",
           "choose the column of the class: --column label=COLUMN"),
    # The whole.
    _error("few_rows", "there are too few rows to train on", "give 10 at least; 100 is a start"),
    _warning("small_data", "scores of so few held-out rows have wide intervals",
             "give more rows, or --eval with more"),
    _error("nothing_held_out", "no row is left to judge by: all are of one group or alike",
           "give --eval, or a column `group` with several values"),
    _note("alike_rows", "a tenth of the rows or more are nearly the same",
          "if they share a template that is no content, give it as the system message"),
    _doubtful("leaked_row", "a held-out row is trained on", "leave it out of one of both files"),
    _doubtful("leaked_input", "a held-out input is trained on, with another answer",
              "leave it out of one of both files"),
    _doubtful("near_leak", "a held-out row is nearly one that is trained on",
              "leave it out of one of both files"),
    _doubtful("leaked_group", "a group has rows to train on and held-out ones",
              "keep each group in one of both files"),
    _warning("personal_data", "a text has what looks like personal data",
             "remove or replace it: a model can repeat what it learned"),
    _note("several_languages", "rows are in several languages", "check that all were meant"),
    _doubtful("no_licence", "the licence of the data is not said",
              "--licence TEXT, such as CC-BY-4.0 or 'own data, internal use'"),
    # Pictures.
    _broken("missing_image", "there is no such picture", "check the path, from the table's folder"),
    _broken("not_an_image", "the file is no picture that can be opened",
            "give PNG, JPEG, WebP, GIF, BMP or TIFF"),
    _broken("truncated_image", "the picture breaks off", "copy it again"),
    _broken("huge_image", "the picture has too many pixels or bytes", "make it smaller"),
    _warning("tiny_image", "the picture is smaller than 8 pixels on a side", "leave it out"),
    _note("many_frames", "the picture moves; its first frame is used", "nothing to do"),
    _broken("broken_archive", "the archive breaks off, or an entry is no plain file",
            "pack it again, with files only"),
    # Tokenizers.
    _error("no_tokenizer", "the tokenizer cannot be read",
           "give the folder of a base model, with tokenizer.json"),
    _doubtful("unknown_tokens", "the tokenizer does not know much of the text",
              "choose a base that was trained on such text"),
    _error("no_end_token", "the tokenizer has no token that ends a text",
           "name eos_token in tokenizer_config.json"),
    _warning("no_pad_token", "the tokenizer has no token that fills rows; the end token does",
             "name pad_token in tokenizer_config.json"),
    _warning("no_chat_template", "the base has no chat template; messages are joined plainly",
             "use the instruct version of the base"),
)  # fmt: skip
PROBLEMS: Mapping[str, ProblemKind] = {kind.name: kind for kind in _KINDS}
ACCEPTABLE = tuple(kind.name for kind in _KINDS if kind.acceptable)


@dataclass(frozen=True, slots=True)
class ProblemPlace:
    """Where a problem is: `place` is a file with its line, or a file, and may be empty."""

    place: str
    detail: str


@dataclass(slots=True)
class FoundProblem:
    """A kind of problem with its first places; `count` is how many there are."""

    kind: ProblemKind
    count: int = 0
    places: list[ProblemPlace] = field(default_factory=list)


def printable(text: str) -> str:
    """Return a text of any data for a terminal: what it could not print, or would obey, escaped."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


class ProblemLog:
    """The problems of some data. Of each kind the first places are kept, the others counted."""

    def __init__(self, accepted: Collection[str] = ()) -> None:
        """Begin with nothing; errors whose names are `accepted` are warnings."""
        self._accepted = accepted
        self._found: dict[str, FoundProblem] = {}

    def add(self, name: str, place: str = "", detail: str = "", count: int = 1) -> None:
        """Note a problem `count` times, at one place."""
        found = self._found.setdefault(name, FoundProblem(PROBLEMS[name]))
        found.count += count
        if len(found.places) < SHOWN_ROWS:
            told = " ".join(detail.split())[:MAX_DETAIL]
            found.places.append(ProblemPlace(printable(place), printable(told)))

    def severity(self, kind: ProblemKind) -> Severity:
        """Return how bad a kind is here; accepted errors are warnings."""
        return "warning" if kind.name in self._accepted and kind.acceptable else kind.severity

    def count(self, name: str) -> int:
        """Return how often a problem was noted."""
        return self._found[name].count if name in self._found else 0

    def found(self) -> list[FoundProblem]:
        """Return all problems, errors first."""
        order = ("error", "warning", "note")
        return sorted(self._found.values(), key=lambda one: order.index(self.severity(one.kind)))

    def of(self, severity: Severity) -> Iterable[FoundProblem]:
        """Return the problems of a severity."""
        return [each for each in self.found() if self.severity(each.kind) == severity]
