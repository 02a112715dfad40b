"""What texts are in: their languages, and what looks like personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np

from chalicelib.contracts.screening import MAX_CHARACTERS, OriginText
from chalicelib.errors import InvalidInput
from chalicelib.screening.text_screening import screen
from functions.read_document.text.language import MIN_LETTERS, SURE_CONFIDENCE, load_model
from models.training.recipe import DataKind
from models.training_data.problems import ProblemLog
from models.training_data.rows import ROWS
from models.training_data.spool import RowSpool

SAMPLED = 400
MIN_SHARE = 0.02
"""Languages of fewer rows of the sample are left out: short texts are told wrongly at times."""
SCREENED_CHARACTERS = 20_000_000
MIN_SCORE = 0.5


def languages(spool: RowSpool, kind: DataKind) -> Mapping[str, float]:
    """Return the shares of the languages of a sample of rows, by ISO 639-1 code."""
    _, firsts = np.unique(spool.content, return_index=True)
    found: Counter[str] = Counter()
    for number in firsts[:SAMPLED]:
        row = ROWS[kind].model_validate_json(spool.at(int(number)).line)
        text = " ".join((*row.input_texts(), *row.answer_texts()))[:2_000]
        if sum(map(str.isalpha, text)) < MIN_LETTERS:
            continue
        code, confidence = load_model().classify(text)
        if float(confidence) >= SURE_CONFIDENCE:
            found[str(code)] += 1
    total = sum(found.values())
    return {
        code: round(count / total, 3)
        for code, count in found.most_common()
        if count >= MIN_SHARE * total
    }


class PersonalData:
    """Counts rows with what looks like personal data, in the first 20 million characters."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self._left = SCREENED_CHARACTERS

    def look_at(self, every: Collection[str], place: str, log: ProblemLog) -> None:
        """Screen the texts of a row, and note what is found."""
        text = "\n".join(every)[: min(self._left, MAX_CHARACTERS)]
        if not text:
            return
        self._left -= len(text)
        try:
            found = screen(
                [OriginText(text=text, origin="untrusted")], ["personal-data"], MIN_SCORE
            )
        except InvalidInput:
            # More findings than one answer has: a list of addresses, for example.
            kinds = ["a great deal"]
        else:
            kinds = sorted({finding.words for finding in found})
        for kind in kinds:
            self.rows[kind] = self.rows.get(kind, 0) + 1
        if kinds:
            log.add("personal_data", place, ", ".join(kinds))
