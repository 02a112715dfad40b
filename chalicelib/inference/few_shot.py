"""Answers by an exported Flamingo: what is asked of a picture, others with their answers show.

J.-B. Alayrac et al., https://arxiv.org/abs/2204.14198. The prompt is `<image> is ANSWER ;` for each
picture that is shown, and then `<image> is`; the likeliest token is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference import captioning
from chalicelib.inference.captioning import Captioner, demand
from chalicelib.inference.exported import Exported
from chalicelib.inference.telling import DECODER, Asked, Graphs, Shown, Teller, Told
from chalicelib.inference.whole_words import WholeWords

LATENTS = "latents"


class FewShot:
    """A model that answers of a picture with one word, as it was shown.

    Constants: those of pictures; `latents`, how many vectors stand for one; `vocabulary`;
    `context`, the most tokens of a prompt; `shots`, the pictures that it was trained to be shown;
    `image`, `is` and `next`, the tokens of a prompt.
    """

    def __init__(self, exported: Exported) -> None:
        """Open it. Raises `ModelFailure`."""
        demand(exported, LATENTS)
        self._graphs = Graphs(exported, LATENTS)
        self._words = WholeWords.of(exported)
        found = exported.numbers("latents", "context", "shots", "image", "is", "next")
        self._latents, self._context = int(found["latents"]), int(found["context"])
        self.shots = int(found["shots"])
        self._image, self._is, self._next = (int(found[each]) for each in ("image", "is", "next"))

    def tell(self, asked: Asked) -> Told:
        """Return the word that is answered; raises as `Teller.tell` does."""
        name = self._graphs.name
        if asked.question.strip():
            raise InvalidInput(
                f"{name} takes no words about a picture: what is asked, earlier turns show, each a"
                " picture and its answer.",
                field="messages",
            )
        if len(asked.shots) > self.shots:
            raise InvalidInput(
                f"{name} is shown {self.shots} pictures with their answers at most, and"
                f" {len(asked.shots)} are given; leave some out.",
                field="messages",
                limit=f"{self.shots} pictures with answers",
            )
        tokens = self._prompt([self._answer(at, shot) for at, shot in enumerate(asked.shots, 1)])
        pictures = [shot.picture for shot in asked.shots] + [asked.picture]
        seen = [self._graphs.see(each, f"picture {at}") for at, each in enumerate(pictures, 1)]
        token = self._graphs.next(np.stack(seen, axis=1), tokens)
        text = self._words.text([token])
        if not text:
            raise ModelFailure(f"{name} answered with a mark of its own, token {token}, no word.")
        return Told(text, "stop", len(seen) * self._latents + len(tokens), 1)

    def try_it(self) -> None:
        """Have a black picture answered for, by what another shows. Raises `ModelFailure`."""
        seen = self._graphs.see(self._graphs.black, "picture")
        tokens = self._prompt([*self._words.numbers.values()][:1] * self.shots)
        if len(tokens) >= self._context:
            raise ModelFailure(
                f"{self._graphs.name} holds {self._context} tokens, too few for its own shots."
            )
        self._graphs.next(np.stack([seen] * (self.shots + 1), axis=1), tokens)

    def _answer(self, at: int, shot: Shown) -> int:
        found = self._words.ids(shot.answer, f"answer {at}")
        if len(found) != 1:
            raise InvalidInput(
                f"answer {at} is {shot.answer!r}, and has to be one word.", field="messages"
            )
        return found[0]

    def _prompt(self, answers: Sequence[int]) -> list[int]:
        shown = [token for word in answers for token in (self._image, self._is, word, self._next)]
        return [*shown, self._image, self._is]


def opened(exported: Exported) -> Teller:
    """Return the model that answers questions, or as it is shown, once it has been tried.

    Raises:
        ModelFailure: it is none that answers, or did not.
    """
    graph = exported.signature.graphs.get(DECODER)
    if graph is None or LATENTS not in {each.name for each in graph.inputs}:
        found: Captioner | FewShot = captioning.opened(exported)
    else:
        found = FewShot(exported)
        found.try_it()
    return found
