"""The errors of the product. They are API: state machines match them by class name.

HeadraceError
├── InvalidInput    the caller sent something wrong and can mend it
├── Unsupported     the input is well formed, but not of a kind that is handled
├── NotFound        no such thing, or not for this tenant
├── Conflict        the request contradicts what is already there
├── QuotaExceeded   a limit of the tenant or the stage is used up
├── Throttled       a service asked us to slow down: try again later
├── Transient       a service failed in a way that passes: try again
├── ModelFailure    a model gave no usable output
│   └── NoAnswer    models answered, and no answer stood what it was to stand
└── MoreSteps       nothing is wrong: the work goes on in steps of its own
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Usage
    from chalicelib.contracts.receipts import Receipt


class HeadraceError(Exception):
    """The root of everything that the product raises on purpose.

    `message` is written for the person who has to act on it, `field` names the part of the
    input that is at fault and `limit` the bound that was broken, where there is one.
    `retry_after` is after how many seconds the same request may succeed, where that is known;
    the message is then for the caller, too.
    `usage` is what models used before it, where that is known: it was or has to be paid for.
    `seconds` is how long a function of ours worked for that, or in vain, and `receipt` what it
    cost, by attempts, where they were counted.
    `unaccounted` says that a call may have been answered and billed without our hearing of it.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        limit: str | None = None,
        retry_after: int | None = None,
        usage: Usage | None = None,
        unaccounted: bool = False,
        seconds: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.limit = limit
        self.retry_after = retry_after
        self.usage = usage
        self.unaccounted = unaccounted
        self.seconds = seconds
        self.receipt: Receipt | None = None


class InvalidInput(HeadraceError):  # noqa: N818 - the name is the wire's error type
    """Raised when the caller sent something wrong and can mend it."""


class Unsupported(HeadraceError):  # noqa: N818
    """Raised when the input is well formed, but not of a kind that is handled."""


class NotFound(HeadraceError):  # noqa: N818
    """Raised when there is no such thing, or none that this tenant may see."""


class Conflict(HeadraceError):  # noqa: N818
    """Raised when a request contradicts the state it finds, such as a lost conditional write."""


class QuotaExceeded(HeadraceError):  # noqa: N818
    """Raised when a limit of the tenant or of the stage is used up.

    `of_model` says that the limit is one model's: another may still be asked. `reserved` says that
    there would be room but for what calls under way have reserved, and may give back.
    """

    of_model: bool = False
    reserved: bool = False


class Throttled(HeadraceError):  # noqa: N818
    """Raised when a service asks us to slow down; the same request may succeed later."""


class Transient(HeadraceError):  # noqa: N818
    """Raised when a service fails in a way that passes; the same request may be repeated."""


class ModelFailure(HeadraceError):  # noqa: N818
    """Raised when a model gives no usable output, and repeating the request will not help."""


class NoAnswer(ModelFailure):
    """Raised when every answer failed a check that the caller asked for; it gives the reasons."""


class MoreSteps(HeadraceError):  # noqa: N818
    """Raised when work was begun and goes on in steps that most of its kind do not need.

    `message` is the result so far, as JSON. An error and not a result, because a state machine
    follows an error for nothing, while it is billed for each time that it looks at a result.
    """


_MEANT = (
    *(InvalidInput, Unsupported, NotFound, Conflict, QuotaExceeded),
    *(Throttled, Transient, ModelFailure, MoreSteps),
)


def is_fault(error: HeadraceError) -> bool:
    """Tell whether `error` is of no kind above: an operator's to mend, such as a denied call."""
    return not isinstance(error, _MEANT)
