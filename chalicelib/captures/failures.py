"""Which errors say something about the subject that was called."""

from __future__ import annotations

from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, Throttled, Transient

_SCREENED = "was refused by the screening rule"


def counts_as_failure(error: HeadraceError) -> bool:
    """Tell whether a call that ended in `error` is captured.

    What the caller got wrong, such as an unknown model or a budget that is used up, says nothing
    about the subject.
    """
    return isinstance(error, ModelFailure | Throttled | Transient) or was_screened(error)


def was_screened(error: HeadraceError) -> bool:
    """Tell whether screening refused the input."""
    return isinstance(error, InvalidInput) and _SCREENED in error.message
