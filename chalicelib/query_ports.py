"""What the API needs from outside, each with a real and a faked implementation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chalicelib.budgets.spending import Spender
    from chalicelib.contracts.arrivals import RetryWanted
    from chalicelib.contracts.asked import Asked, Mark
    from chalicelib.contracts.asking import Turn
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.contracts.labelling import LabelPictureResult
    from chalicelib.contracts.looking import EmbedImageResult
    from chalicelib.contracts.receipts import Receipt, ReceiptLine
    from chalicelib.contracts.reranking import RerankResult
    from chalicelib.contracts.searching import Hit, Neighbour
    from chalicelib.contracts.support import CheckResult, CheckSource
    from chalicelib.ports import IndexRef

IndexFilter = dict[str, Any]
"""A filter in the index's own language.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
"""


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        """Return one vector a text, in order, by `model`, or the default one.

        Only vectors of one model can be compared: `EmbedTextResult.model` tells which it was.
        Raises `Throttled`, `Transient`, `ModelFailure`.
        """


class PictureLabeller(Protocol):
    """Tells what is seen in pictures."""

    def label(self, picture: bytes, correlation_id: str) -> LabelPictureResult:
        """Return what is seen, the likeliest first, and what that took for the receipt.

        Raises `InvalidInput` or `Unsupported` where it is no picture that can be read, and
        `Throttled`, `Transient`, `ModelFailure`.
        """


@dataclass(frozen=True, slots=True)
class PictureQuery:
    """A query as the `model` of a collection embedded it: a text, or a picture where `images` is 1.

    `alone` says that nothing but pictures is looked for.
    """

    collection: str
    model: str
    embedding: EmbedImageResult
    images: int
    alone: bool


class PictureEmbedder(Protocol):
    """Embeds pictures and texts into one space, by models that the stage serves."""

    def embed_text(self, model: str, text: str, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a text by the version of `model` that serves.

        Raises `Conflict` where none serves, `InvalidInput` where the model cannot read the text,
        and `Throttled`, `Transient`, `ModelFailure`.
        """

    def embed_picture(self, model: str, picture: bytes, correlation_id: str) -> EmbedImageResult:
        """Return the vector of a picture; raise as `embed_text` does."""


class SupportChecker(Protocol):
    """Says which claims of an answer rest on their sources."""

    def check(
        self,
        question: str,
        claims: Sequence[str],
        sources: Sequence[CheckSource],
        correlation_id: str,
    ) -> CheckResult:
        """Return one verdict a claim, in order, and what the check took for the receipt.

        Raises `InvalidInput`, `Throttled`, `Transient` or `ModelFailure`; an answer that could
        not be checked is not to be used.
        """


class PassageIndex(Protocol):
    """An index of chunks."""

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterable[Hit]:
        """Yield at most `count` chunks, best first, by meaning and, unless `text` is empty,
        by words, of what `condition` lets through, a filter in the index's language.
        """

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> Mapping[str, Neighbour]:
        """Return the chunks that there are under `keys`, by key."""


class Reranker(Protocol):
    """Takes a dearer look at what was found."""

    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        """Return a score a passage, in order, and what that took for the receipt.

        Raises `InvalidInput`, `Throttled`, `Transient` or `ModelFailure`.
        """


@dataclass(frozen=True, slots=True)
class Held:
    """What counts of one document: its status, and the size of the version that answers."""

    collection: str
    status: str
    pages: int = 0
    chunks: int = 0
    bytes: int = 0


class Declarations(Protocol):
    """What is declared of collections."""

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return what is declared of a collection, or None."""


class CurrentVersions(Protocol):
    """Which version of a document answers queries."""

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the version that answers of each document that has one."""


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a language model wrote, and what all attempts at it cost; "" where none succeeded.

    Where it is not `whole`, the model was stopped, by its limit of tokens or otherwise, and what
    it meant to say is not known. `found` are the kinds of what the screen found and let pass.
    """

    text: str
    lines: tuple[ReceiptLine, ...]
    whole: bool = True
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Used:
    """One use of a model for a query, and what for: the role of its line in a receipt."""

    role: str
    what: EmbedTextResult | RerankResult | CheckResult | ChatReply


class AnswerPrices(Protocol):
    """What answers cost."""

    def answer(self, question: str, passages: Sequence[Hit], used: Sequence[Used]) -> Receipt:
        """Return the receipt of `used`, in order, and of the one query of the index.

        Where no language model was asked, it says what asking one would have cost.
        """


class AnswerWriter(Protocol):
    """A language model that is asked to answer from passages."""

    def deadline(self) -> float:
        """Return until when a question that is put now may take of its time, by a clock of its own:
        all that is asked for the question has to end by then.
        """

    def room(self, question: str, language: str = "") -> int:
        """Return the tokens that passages may take beside the question and the answer."""

    def tokens(self, passage: Hit) -> int:
        """Return the tokens that `passage` takes of the room, never too few."""

    def write(
        self,
        question: str,
        passages: Sequence[Hit],
        spender: Spender,
        until: float,
        language: str = "",
    ) -> ChatReply:
        """Return what it wrote, marks and all; `language` is the name of the one to answer in.

        `until` is the question's deadline. Raises one of `chalicelib.errors`, with what attempts
        cost in vain; nothing is asked of a model that the spender may not use or cannot pay, or
        where the screen refuses.
        """

    def rewrite(
        self, question: str, history: Sequence[Turn], spender: Spender, until: float
    ) -> ChatReply:
        """Return `question` as it took it to read without `history`. Raises as `write` does."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What a rating says for questions like the one that was rated.

    `vector` is the question's, of length 1, by `model`.
    """

    model: str
    vector: Sequence[float]
    marks: tuple[Mark, ...]


class Votes(Protocol):
    """What a tenant's users voted for."""

    def votes(self, tenant: str, state: int) -> Sequence[Vote]:
        """Return the newest votes, a bounded number of them.

        `state` is `IndexRef.votes`: what was read in the same state need not be read again.
        """


@dataclass(frozen=True, slots=True)
class KeptAsked:
    """A question with what it got, and its vector as `votes.packed` gives it."""

    asked: Asked
    vector: bytes


class AskedRecords(Protocol):
    """Where questions are kept with what they got, to be rated."""

    def keep_asked(self, tenant: str, kept: KeptAsked) -> None:
        """Keep it for `ASKED_DAYS` under its id."""


@dataclass(frozen=True, slots=True)
class RatedAnswer:
    """A rating: the ULID in the ids of what was rated and of the rating, the key of its row in
    S3, and the documents with the versions that it has to do with.
    """

    ulid: str
    key: str
    versions: tuple[tuple[str, str], ...]


class SentenceScreen(Protocol):
    """Finds sentences that speak to a language model instead of to a reader."""

    def aimed_at_model(self, sentences: Sequence[str]) -> Sequence[bool]:
        """Say of each sentence whether it is an instruction aimed at a language model."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What an earlier request with the key got; `body` is compressed JSON. The status is `BEGUN`
    while it is being made.
    """

    request_hash: str
    status: int
    body: bytes


BEGUN = 0


class RetryQueue(Protocol):
    """The inbox queue, as far as the API speaks to it."""

    def send_retry(self, wanted: RetryWanted) -> None:
        """Send the wish to run a failed version again; it is kept on return."""


class AnswerRecords(Protocol):
    """Where answers are kept."""

    def kept_answer(self, tenant: str, key_hash: str) -> KeptAnswer | None:
        """Return the answer under the key, None if there is none or it has expired."""

    def keep_answer(self, tenant: str, key_hash: str, answer: KeptAnswer, seconds: int) -> bool:
        """Keep `answer` for `seconds`; False when the key holds one already."""


class PaidAnswerRecords(Protocol):
    """Where answers are kept that cost money, and that some are being made. `owner` is the request
    that makes one.
    """

    def kept_answer(self, tenant: str, key_hash: str) -> KeptAnswer | None:
        """Return what is kept under the key, None if there is nothing or it has expired."""

    def begin_answer(
        self, tenant: str, key_hash: str, request_hash: str, owner: str, seconds: int
    ) -> bool:
        """Note for `seconds` that `owner` makes an answer now; False where one is there, or being
        made.
        """

    def end_answer(
        self, tenant: str, key_hash: str, owner: str, answer: KeptAnswer, seconds: int
    ) -> bool:
        """Keep what `owner` made for `seconds`; False where another has taken its place since."""

    def drop_answer(self, tenant: str, key_hash: str, owner: str) -> None:
        """Forget that `owner` makes an answer: it may be asked for again."""
