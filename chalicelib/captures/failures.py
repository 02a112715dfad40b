"""Which errors say something about the subject that was called."""

from __future__ import annotations

from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, Throttled, Transient


def counts_as_failure(error: HeadraceError) -> bool:
    """Tell whether a call that ended in `error` is captured.

    What the caller got wrong, such as an unknown model or a budget that is used up, says nothing
    about the subject. An answer that was paid for and could not be given does, such as one that did
    not fit into the `max_tokens` of a prompt's version.
    """
    if isinstance(error, InvalidInput):
        return was_screened(error) or (error.receipt is not None and bool(error.receipt.lines))
    return isinstance(error, ModelFailure | Throttled | Transient)


def was_screened(error: HeadraceError) -> bool:
    """Tell whether screening refused the input."""
    return isinstance(error, InvalidInput) and error.screened
