"""Captions and answers by an exported BLIP-2: words after what was read of a picture.

J. Li et al., https://arxiv.org/abs/2301.12597. The likeliest token follows each time, so that a
picture and a question have one answer. Keys and values are not kept: texts have a dozen tokens.
"""

from __future__ import annotations

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported import Exported
from chalicelib.inference.telling import DECODER, VISION, Asked, Graphs, Told
from chalicelib.inference.whole_words import WholeWords

QUERIES = "queries"


class Captioner:
    """A model that writes a caption, or the answer to a question.

    Constants: those of pictures; `queries`, how many vectors stand for one; `vocabulary`;
    `context`, the most tokens of a question and its answer; `begin`, which stands between the two,
    and `end`, by which an answer ends.
    """

    def __init__(self, exported: Exported) -> None:
        """Open it. Raises `ModelFailure`."""
        demand(exported, QUERIES)
        self._graphs = Graphs(exported, QUERIES)
        self._words = WholeWords.of(exported)
        found = exported.numbers("queries", "context", "begin", "end")
        self._queries, self._context = int(found["queries"]), int(found["context"])
        self._begin, self._end = int(found["begin"]), int(found["end"])

    def tell(self, asked: Asked) -> Told:
        """Return the answer, or a caption where nothing is asked; raises as `Teller.tell` does."""
        name = self._graphs.name
        if asked.shots:
            raise InvalidInput(
                f"{name} looks at 1 picture, without examples; leave the earlier turns out.",
                field="messages",
                limit="1 picture",
            )
        tokens = [*self._words.ids(asked.question, "question"), self._begin]
        begun, room = len(tokens), self._context - len(tokens)
        if room < 1:
            raise InvalidInput(
                f"question has {begun - 1} tokens, and {name} takes {self._context - 2} so that one"
                " may follow.",
                field="question",
                limit=f"{self._context - 2} tokens",
            )
        seen = self._graphs.see(asked.picture, "image")
        ended = False
        for _ in range(min(asked.most, room)):
            token = self._graphs.next(seen, tokens)
            if ended := token == self._end:
                break
            tokens.append(token)
        return Told(
            text=self._words.text(tokens[begun:]),
            finish="stop" if ended else "length",
            tokens_in=self._queries + begun,
            tokens_out=len(tokens) - begun,
        )

    def try_it(self) -> None:
        """Have one token written of a black picture. Raises `ModelFailure`."""
        self.tell(Asked(self._graphs.black, most=1))


def opened(exported: Exported) -> Captioner:
    """Return the model that was exported, once it has written a token.

    Raises:
        ModelFailure: it is none that captions, or did not.
    """
    captioner = Captioner(exported)
    captioner.try_it()
    return captioner


def demand(exported: Exported, read: str) -> None:
    """Raise `ModelFailure` unless a model has both graphs, and its decoder takes what is `read` of
    a picture.
    """
    graphs = exported.signature.graphs
    takes = [each.name for each in graphs[DECODER].inputs] if DECODER in graphs else []
    if VISION not in graphs or read not in takes:
        raise ModelFailure(
            f"{exported.signature.name} has the graphs {', '.join(sorted(graphs))}, none of which"
            f" tells something by the {read} of a picture."
        )
