"""What is asked of a tenant's documents, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.budgets.spending import Spender
from chalicelib.retrieval.votes import Weights

if TYPE_CHECKING:
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.contracts.filters import Filter
    from chalicelib.contracts.labelling import LabelPictureResult
    from chalicelib.contracts.reranking import RerankResult
    from chalicelib.contracts.searching import Hit
    from chalicelib.ports import IndexRef
    from chalicelib.query_ports import PictureQuery


@dataclass(frozen=True, slots=True)
class Query:
    """A question of one tenant. `collection` and `filter` must both hold; None holds for all.

    A `picture` is asked by in place of the text, which is empty then. `key` is the id of the API
    key by which it was put, whose budgets hold for what it costs.
    """

    tenant: str
    text: str
    collection: str | None
    top_k: int
    correlation_id: str
    field: str = "query"
    """What the caller called the text."""
    filter: Filter | None = None
    rerank: bool | None = None
    """Whether to rerank; None leaves it to the stage."""
    key: str = ""
    picture: bytes = b""
    texts_only: bool = False
    """Whether pictures are left out."""

    @property
    def spender(self) -> Spender:
        """Return who pays for models that are asked."""
        return Spender(self.tenant, self.key, self.collection or "", self.correlation_id)


@dataclass(frozen=True, slots=True)
class Found:
    """The passages, best first, with the query's embedding, that later steps reuse, the index that
    they are in, None where the tenant has none, what was voted for questions like the query, what
    reranking took, None where the passages were not, and what was seen in the query's picture, None
    where it has none. `pictured` is the query as a collection's own model of pictures has it, None
    where none was asked; `embedding` is its too, where nothing but pictures was looked for.
    """

    passages: tuple[Hit, ...]
    embedding: EmbedTextResult
    notices: tuple[str, ...]
    index: IndexRef | None = None
    voted: Weights = field(default_factory=dict)
    reranked: RerankResult | None = None
    seen: LabelPictureResult | None = None
    pictured: PictureQuery | None = None

    @property
    def vector(self) -> Sequence[float]:
        """Return the query's vector."""
        return self.embedding.vectors[0]
