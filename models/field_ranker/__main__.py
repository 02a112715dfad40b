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
import sys

from chalicelib.extraction.confidence import CONFIDENCE
from chalicelib.extraction.label_subwords import SUBWORDS, subwords_document
from chalicelib.extraction.label_vocabulary import VOCABULARY, vocabulary_document
from chalicelib.extraction.ranker import RANKER
from chalicelib.extraction.text_kinds import TEXT_KINDS, text_kinds_document
from models.field_ranker.calibration import confidence_document, learn_confidence
from models.field_ranker.document_pool import DrawnDocuments
from models.field_ranker.examples import CachingEmbedder, missed
from models.field_ranker.label_knowledge import SEED, label_embedder, label_knowledge
from models.field_ranker.looks import learn_ranker, learned_document, ranker_document
from models.weights_file import write_weights

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
    about = "Learned on generated documents by models/field_ranker."
    for path, document in (
        (VOCABULARY, vocabulary_document(whole.vocabulary)),
        (SUBWORDS, subwords_document(whole.subwords)),
        (TEXT_KINDS, text_kinds_document(whole.kinds)),
        (RANKER, ranker_document(ranker)),
        (CONFIDENCE, confidence_document(confidence)),
    ):
        write_weights(path, about, {"documents": len(train), **document})


if __name__ == "__main__":
    main()
