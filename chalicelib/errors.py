"""The product's errors. Their class names are an interface: state machines match them.

HeadraceError
├── InvalidInput    the caller sent something wrong and can correct it
├── Unsupported     the input is well formed, but not of a kind that is handled
├── NotFound        no such thing, or not for this tenant
├── Conflict        the request contradicts what is already there
├── QuotaExceeded   a limit of the tenant or the stage is used up
├── Throttled       a service asked us to slow down: try again later
├── Transient       a service failed in a way that passes: try again
├── ModelFailure    a model gave no usable output
│   └── NoAnswer    models answered, and every answer failed a check
└── MoreSteps       not a failure: the work goes on in further steps
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Usage
    from chalicelib.contracts.receipts import Receipt


class HeadraceError(Exception):
    """The base class of the product's errors.

    Attributes:
        message: A text for the person who has to act on the error.
        field: The part of the input that is wrong, or None.
        limit: The limit that was exceeded, or None.
        retry_after: Seconds after which the same request may succeed, if known. The message is
            then shown to the caller, too.
        usage: The tokens and images that models used before the error, if known. They are paid.
        unaccounted: Whether a call may have been answered and billed without our knowing.
        seconds: How long a function of ours worked before the error.
        receipt: The cost of the attempts, if they were counted.
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
    """Raised when the caller sent something wrong and can correct it.

    Attributes:
        screened: Whether screening refused the input, which says something of the policy and the
            models that it screens for, as other wrong input does not.
    """

    screened: bool = False

    @classmethod
    def by_screening(cls, message: str, field: str) -> InvalidInput:
        """Return the error for an input that screening refused."""
        error = cls(message, field=field)
        error.screened = True
        return error


class Unsupported(HeadraceError):  # noqa: N818
    """Raised when the input is well formed, but not of a kind that is handled."""


class NotFound(HeadraceError):  # noqa: N818
    """Raised when a thing does not exist, or this tenant may not see it."""


class NotPermitted(HeadraceError):  # noqa: N818
    """Raised when the API key is known, and may not do this: it takes an operator's."""


class Conflict(HeadraceError):  # noqa: N818
    """Raised when a request contradicts the state it finds, such as a lost conditional write."""


class QuotaExceeded(HeadraceError):  # noqa: N818
    """Raised when a limit of the tenant or of the stage is used up.

    Attributes:
        of_model: Whether the limit is that of one model, so that another may still be called.
        reserved: Whether there would be room without the reservations of running calls, which
            may be released.
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
    """Raised when every answer failed a check that the caller requested; it has the reasons."""


class MoreSteps(HeadraceError):  # noqa: N818
    """Raised when work needs further steps, which most work of its kind does not.

    `message` is the result so far, as JSON. An error and not a result, because a state machine
    follows an error for nothing, while it is billed for each time that it looks at a result.
    """


_EXPECTED = (
    *(InvalidInput, Unsupported, NotFound, NotPermitted, Conflict, QuotaExceeded),
    *(Throttled, Transient, ModelFailure, MoreSteps),
)


def is_fault(error: HeadraceError) -> bool:
    """Return whether an operator has to act on `error`, such as a call that IAM denied."""
    return not isinstance(error, _EXPECTED)
