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
└── MoreSteps       nothing is wrong: the work goes on in steps of its own
"""

from __future__ import annotations


class HeadraceError(Exception):
    """The root of everything that the product raises on purpose.

    `message` is written for the person who has to act on it, `field` names the part of the
    input that is at fault and `limit` the bound that was broken, where there is one.
    """

    def __init__(self, message: str, *, field: str | None = None, limit: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.limit = limit


class InvalidInput(HeadraceError):  # noqa: N818 - the name is the wire's error type
    """Raised when the caller sent something wrong and can mend it."""


class Unsupported(HeadraceError):  # noqa: N818
    """Raised when the input is well formed, but not of a kind that is handled."""


class NotFound(HeadraceError):  # noqa: N818
    """Raised when there is no such thing, or none that this tenant may see."""


class Conflict(HeadraceError):  # noqa: N818
    """Raised when a request contradicts the state it finds, such as a lost conditional write."""


class QuotaExceeded(HeadraceError):  # noqa: N818
    """Raised when a limit of the tenant or of the stage is used up."""


class Throttled(HeadraceError):  # noqa: N818
    """Raised when a service asks us to slow down; the same request may succeed later."""


class Transient(HeadraceError):  # noqa: N818
    """Raised when a service fails in a way that passes; the same request may be repeated."""


class ModelFailure(HeadraceError):  # noqa: N818
    """Raised when a model gives no usable output, and repeating the request will not help."""


class MoreSteps(HeadraceError):  # noqa: N818
    """Raised when work was begun and goes on in steps that most of its kind do not need.

    `message` is the result so far, as JSON. An error and not a result, because a state machine
    follows an error for nothing, while it is billed for each time that it looks at a result.
    """
