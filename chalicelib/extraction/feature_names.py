"""Names of the features that candidates and fields are scored by, and the groups of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.text_kinds import KINDS

if TYPE_CHECKING:
    from chalicelib.extraction.leaves import Leaf

Features = tuple[float, ...]
FeatureRows = NDArray[np.float32]
"""Features of many candidates, (candidates, features)."""

RELATIONS = ("left", "above", "same_cell", "behind", "column", "row", "below", "heading")
"""Relations of a label to a value, as `LabelContext.relation` has them."""
GROUPS = ("text", "address", "identifier", "number", "money", "date", "choice", "checked")
"""Groups of kinds, one of which a field is of."""
GROUP_OF: Mapping[LeafKind, str] = {
    LeafKind.TEXT: "text",
    LeafKind.ADDRESS: "address",
    LeafKind.IDENTIFIER: "identifier",
    LeafKind.MONEY: "money",
    LeafKind.DATE: "date",
    LeafKind.DATE_TIME: "date",
    LeafKind.TIME: "date",
    LeafKind.BOOLEAN: "choice",
    LeafKind.ENUM: "choice",
    LeafKind.CURRENCY: "choice",
} | dict.fromkeys(
    (LeafKind.IBAN, LeafKind.VAT, LeafKind.PHONE, LeafKind.EMAIL, LeafKind.URL), "checked"
)

BLOCK_FEATURES = (
    *("first is street", "first is name", "last is town"),
    *("before is street", "before is name", "after is town"),
)
"""Of a text that may have several lines: what its first and last line are, and the lines of its
block before it and behind it."""

CANDIDATE_FEATURES = (
    *(f"{relation} likeness" for relation in RELATIONS),
    *(f"{relation} meaning" for relation in RELATIONS),
    *(f"{relation} vocabulary" for relation in RELATIONS),
    *(f"{relation} translation" for relation in RELATIONS),
    "equal",
    "covered",
    "precise",
    "letters",
    "meaning",
    "vocabulary",
    "contrary",
    "translation",
    "likeness",
    "lead",
    "behind",
    "vocabulary behind",
    "translation behind",
    "of one concept",
    "of another concept",
    "nearer label",
    "label's nearest",
    "label's only",
    "around",
    "is within",
    "rival",
    "is rival's",
    "nearest",
    "near",
    "has label",
    "quality",
    "valid",
    "invalid",
    "ambiguous",
    "has currency",
    "has percent",
    "page",
    "first page",
    "last page",
    "top",
    "left",
    "height",
    "often",
    "only",
    "largest",
    "smallest",
    "first",
    "last",
    "names a field",
    "names a concept",
    "percent asked",
    "words",
    "digits",
    "capitals",
    "lines",
    "lines before",
    "lines after",
    "within",
    "digits of first line",
    "digits of last line",
    "example",
    "recognised",
    "asked kind",
    "asked kind behind",
    *BLOCK_FEATURES,
    *(f"is {kind}" for kind in KINDS),
    *(f"of {group}" for group in GROUPS),
)
"""Names of the features of a candidate, in order.

likeness, meaning, vocabulary, translation: of the field's names and the label in that relation;
then of the best label. lead: by how much the candidate's label is more alike than that of any
other, and behind: by how much less than the best; of one concept: how well one thing that business
documents have explains the field's names and the label, and of another: how much better another
explains the label alone; nearer label: how alike one that is nearer than the best is to the name of
any such thing; label's nearest: one over the rank of the candidate among those of its best label by
how near it is, and label's only: one over their number; around: likeness of the names of the object
that the field is in; rival: the most that another field's names are like its best label, and
whether that is more than this field's are. nearest: whether no label is nearer than the best one;
near: how near. often: other places with the same value; only: one over the number of candidates.
largest to last: among the numbers or dates. names a field: likeness of the value and any field's
names, as a label has; names a concept: of a text and the name of anything that documents have.
percent asked: how much more the names ask for a share of a hundred than for other things, negative
where the value has no such sign. lines before and after: of its block, outside of it; within:
whether it stands in a sentence. example: it has the form of an example. asked kind: how likely a
text is of a kind that the names ask for, behind: by how much less than the best; is: how likely it
is of each kind, of texts and codes.
"""

FIELD_FEATURES = (
    "best likeness",
    "best meaning",
    "best vocabulary",
    "best translation",
    "least contrary",
    "best of one concept",
    "least of another concept",
    "second likeness",
    "best with type",
    "best asked kind",
    "candidates",
    "required",
    *(f"of {group}" for group in GROUPS),
)
"""Names of what the choice of none is scored by: the best of the candidates, and the kind."""

AGREEMENT_FEATURES = (
    "odds",
    "none",
    "place",
    "place likeness",
    "usual place",
    "claimed",
    "label claimed",
    "label is value",
    "is label",
    "wanted elsewhere",
)
"""Names of the features that only the second network has: how the first ranked the other fields.

odds: of the candidate, and none: of the choice of none, both logarithms. place: share of the sure
values whose labels stand where this one's does; place likeness: the likeness in each relation,
weighed by these shares; usual place: likeness in the likeliest relation. claimed: the largest
probability of another field's candidate on the same words; label claimed: of one with the same
label; label is value: of one that its label is a part of; is label: of one that it is the label of.
wanted elsewhere: how much more alike its label is to another field's names than any other label is.
"""
AGREEMENT_FIELD_FEATURES = ("none", "best odds", "best place likeness", "best unclaimed")


def group_flags(leaf: Leaf) -> Features:
    """Return which of `GROUPS` a field is of, as a 1 in its place."""
    group = GROUP_OF.get(leaf.kind, "number")
    return tuple(float(group == each) for each in GROUPS)
