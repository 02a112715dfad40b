"""Licences of base models: which ones ask a user to agree before a base is used.

A licence that restricts what a model may be used for is agreed to by a person, by name
(`--accept-licence`). One that is not known here is treated as restricting. This is no legal advice.
"""

from __future__ import annotations

from models.pull.base_references import NoBase

PERMISSIVE = frozenset(
    {
        *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "isc"),
        *("cc0-1.0", "cc-by-4.0", "unlicense", "zlib", "afl-3.0", "artistic-2.0", "ecl-2.0"),
    }
)
"""As hubs write them, in small letters."""
TERMS = {
    "gemma": "https://ai.google.dev/gemma/terms",
    "llama2": "https://ai.meta.com/llama/license/",
    "llama3": "https://www.llama.com/llama3/license/",
    "llama3.1": "https://www.llama.com/llama3_1/license/",
    "llama3.2": "https://www.llama.com/llama3_2/license/",
    "llama3.3": "https://www.llama.com/llama3_3/license/",
    "llama4": "https://www.llama.com/llama4/license/",
}
"""Where the terms of some are to be read."""
UNKNOWN = "unknown"


def require_accepted(name: str, licence: str, accepted: frozenset[str], terms: str = "") -> bool:
    """Return whether the licence of a base had to be accepted, and was.

    `accepted` are those that a user agreed to; `terms` is where this one stands, if it is known.

    Raises:
        NoBase: it restricts, or is not known, and was not accepted.
    """
    if licence.lower() in PERMISSIVE:
        return False
    if licence.lower() in {each.lower() for each in accepted}:
        return True
    at = TERMS.get(licence.lower(), terms)
    where = f" Read it at {at}." if at else ""
    if licence == UNKNOWN:
        why = "names no licence. Find out what you may do with it"
    else:
        why = f"is under the licence {licence!r}, which sets terms of its own"
    raise NoBase(f"{name} {why}.{where} If you agree, give --accept-licence {licence}.")
