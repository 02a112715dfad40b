"""Learn which span is a field's value and how sure that is; write the weights beside their code.

    python -m models.field_ranker                learn, and write the files
    python -m models.field_ranker --check        only print the figures
    python -m models.field_ranker --documents 60 learn from fewer documents
    python -m models.field_ranker --workers 2    read documents in two processes

The ranker is learned on designs that are drawn by chance, and on those of the training. Other
designs stop it, and tell how likely a choice is right. Those of the test take no part, nor do its
wordings.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.extraction.confidence import CONFIDENCE
from chalicelib.extraction.label_similarity import LabelEmbedder
from chalicelib.extraction.label_subwords import SUBWORDS, subwords_document
from chalicelib.extraction.label_vocabulary import (
    VOCABULARY,
    LabelVocabulary,
    parse_label_vocabulary,
    vocabulary_document,
)
from chalicelib.extraction.ranker import RANKER
from chalicelib.extraction.text_kinds import TEXT_KINDS, text_kinds_document
from chalicelib.inference.embedder import Embedder
from models.field_ranker.calibration import confidence_document, learn_confidence
from models.field_ranker.document_pool import DrawnDocuments
from models.field_ranker.examples import CachingEmbedder, LabelKnowledge, missed
from models.field_ranker.looks import learn_ranker, learned_document, ranker_document
from models.field_ranker.subwords import learn_subwords
from models.field_ranker.text_kinds import kind_texts, learn_text_kinds
from models.field_ranker.translations import translations
from models.field_ranker.vocabulary import learn_vocabulary
from models.field_ranker.wordings import english_names, known_wordings, other_texts
from models.pull.cache import CACHE

_NUMBERS = re.compile(r"\[\s+((?:-?[0-9][-+.0-9e]*,?\s+)+)\]")
SEED = 1
DOCUMENTS = 560
VALIDATION_SHARE = 0.357
"""Documents of the validation, as a share of those of the training."""


def main() -> None:
    """Learn the ranker and the confidences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="of the training")
    parser.add_argument("--workers", type=int, default=1, help="processes that read documents")
    arguments = parser.parse_args()
    whole, half = label_knowledge(CachingEmbedder(label_embedder()))
    drawn = DrawnDocuments(half, label_embedder, arguments.workers, SEED)
    train = drawn.to_learn("train", arguments.documents)
    validation = drawn.examples("validation", round(VALIDATION_SHARE * arguments.documents))
    judged = [learned_document(each) for each in validation[::2]]
    ranker, figures = learn_ranker(train, judged, SEED)
    figures |= {
        "among no candidate": {k: round(share, 3) for k, share in missed(validation).items()}
    }
    confidence, sure = learn_confidence(ranker, validation)
    figures |= {"confidence": sure}
    sys.stdout.write(f"{json.dumps(figures, indent=1)}\n")
    if arguments.check:
        return
    about = {
        "about": "Learned on generated documents by models/field_ranker.",
        "made": datetime.now(UTC).date().isoformat(),
        "documents": len(train),
    }
    for path, document in (
        (VOCABULARY, vocabulary_document(whole.vocabulary)),
        (SUBWORDS, subwords_document(whole.subwords)),
        (TEXT_KINDS, text_kinds_document(whole.kinds)),
        (RANKER, ranker_document(ranker)),
        (CONFIDENCE, confidence_document(confidence)),
    ):
        path.write_text(written(about | document), "utf-8")


def written(document: Mapping[str, object]) -> str:
    """Return JSON with the numbers of a list in one line."""
    text = json.dumps(document, indent=1)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def label_embedder() -> LabelEmbedder:
    """Return the model that labels are compared by, as production opens it."""
    return Embedder.open(CACHE)


def label_knowledge(embedder: CachingEmbedder) -> tuple[LabelKnowledge, LabelKnowledge]:
    """Return what labels are compared by, with all wordings known, and with half of them.

    The ranker is learned with half of the wordings: with all of them it would learn to trust them
    more than it may for what documents of others call things.
    """
    pairs = translations()
    subwords = learn_subwords(pairs, SEED)
    texts = kind_texts(SEED, [text for pair in pairs for text in pair])
    whole, half = (
        LabelKnowledge(
            embedder,
            vocabulary_of(known, embedder),
            replace(subwords, names=english_names(half=is_half)),
            learn_text_kinds(texts, known, subwords, SEED),
        )
        for is_half in (False, True)
        for known in (known_wordings(half=is_half),)
    )
    return whole, half


def vocabulary_of(known: Mapping[str, Sequence[str]], embedder: CachingEmbedder) -> LabelVocabulary:
    """Return the vocabulary of these wordings, as it is written."""
    others = other_texts()
    embedder.embed([*(text for texts in known.values() for text in texts), *others])
    learned = learn_vocabulary(embedder.vectors, known, others)
    return parse_label_vocabulary(json.dumps(vocabulary_document(learned)))


if __name__ == "__main__":
    main()
