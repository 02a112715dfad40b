"""Learn which span is a field's value and how sure that is; write the weights beside their code.

    python -m models.field_ranker                learn, and write the files
    python -m models.field_ranker --check        only print the figures
    python -m models.field_ranker --documents 60 learn from fewer documents
    python -m models.field_ranker --workers 2    read documents in two processes
    python -m models.field_ranker --confidence   keep the ranker, and learn anew how sure it is

What was read is kept in models/cache: a run that was stopped goes on where it ended.

The ranker is learned on designs that are drawn by chance, and on those of the training. Other
designs stop it. How likely a choice is right is told by a third set, of which two of three
documents are of strangers: their language and a third of the things have no known wording. Designs
of the test take no part, nor do their wordings.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

from chalicelib.extraction.confidence import CONFIDENCE
from chalicelib.extraction.label_subwords import SUBWORDS, subwords_document
from chalicelib.extraction.label_vocabulary import VOCABULARY, vocabulary_document
from chalicelib.extraction.ranker import RANKER, FieldRanker, field_ranker
from chalicelib.extraction.text_kinds import TEXT_KINDS, text_kinds_document
from models.field_ranker.calibration import confidence_document, learn_confidence
from models.field_ranker.chunk_cache import ChunkCache
from models.field_ranker.document_pool import DrawnDocuments
from models.field_ranker.examples import LabelKnowledge, missed
from models.field_ranker.label_knowledge import SEED, Knowledges, label_embedder
from models.field_ranker.looks import learn_ranker, ranker_document
from models.weights_file import write_weights

DOCUMENTS = 1_200
VALIDATION_SHARE, CALIBRATION_SHARE = 0.167, 0.467
"""Documents that stop the ranker, and that tell how sure it is, by those that it learns from."""
ABOUT = "Learned on generated documents by models/field_ranker."


def main() -> None:
    """Learn the ranker and the confidences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="of the training")
    parser.add_argument("--workers", type=int, default=1, help="processes that read documents")
    parser.add_argument("--confidence", action="store_true", help="keep the ranker")
    arguments = parser.parse_args()
    cache = ChunkCache.of_code()
    known = cache.kept("knowledge", Knowledges.learned)
    drawn = DrawnDocuments(known, label_embedder, arguments.workers, SEED, cache)
    ranker = field_ranker() if arguments.confidence else _learned(drawn, arguments.documents)
    unknown = drawn.examples("calibration", round(CALIBRATION_SHARE * arguments.documents))
    confidence, sure = learn_confidence(ranker, unknown)
    _tell({"confidence": sure, "among no candidate": missed(unknown)})
    if arguments.check:
        return
    if not arguments.confidence:
        _write(arguments.documents, known.whole, ranker)
    write_weights(CONFIDENCE, ABOUT, {"documents": len(unknown), **confidence_document(confidence)})


def _learned(drawn: DrawnDocuments, count: int) -> FieldRanker:
    validation = drawn.to_learn("validation", round(VALIDATION_SHARE * count))
    ranker, figures = learn_ranker(drawn.to_learn("train", count), validation, SEED)
    _tell(figures)
    return ranker


def _tell(figures: Mapping[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(figures, indent=1)}\n")
    sys.stdout.flush()


def _write(count: int, known: LabelKnowledge, ranker: FieldRanker) -> None:
    """Write what labels are compared by, and the ranker."""
    for path, document in (
        (VOCABULARY, vocabulary_document(known.vocabulary)),
        (SUBWORDS, subwords_document(known.subwords)),
        (TEXT_KINDS, text_kinds_document(known.kinds)),
        (RANKER, ranker_document(ranker)),
    ):
        write_weights(path, ABOUT, {"documents": count, **document})


if __name__ == "__main__":
    main()
