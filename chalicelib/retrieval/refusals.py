"""How a refusal reads, by language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ENGLISH = "en"
NOT_FOUND_IN: Mapping[str, str] = MappingProxyType(
    {
        "en": "This is not in these documents.",
        "de": "Das steht nicht in diesen Dokumenten.",
        "fr": "Cela ne se trouve pas dans ces documents.",
        "es": "Esto no está en estos documentos.",
        "it": "Questo non si trova in questi documenti.",
        "pt": "Isto não está nestes documentos.",
        "nl": "Dit staat niet in deze documenten.",
        "da": "Dette står ikke i disse dokumenter.",
        "no": "Dette står ikke i disse dokumentene.",
        "sv": "Detta står inte i dessa dokument.",
        "fi": "Tätä ei ole näissä asiakirjoissa.",
        "pl": "Tego nie ma w tych dokumentach.",
        "cs": "To v těchto dokumentech není.",
    }
)
NOT_FOUND = NOT_FOUND_IN[ENGLISH]


def not_found(language: str) -> str:
    """Return the refusal in `language`, an ISO 639-1 code; in English where there is none."""
    return NOT_FOUND_IN.get(language, NOT_FOUND)


def is_refusal(answer: str) -> bool:
    """Say whether an answer says, in any language, that there is none."""
    return answer.strip() in NOT_FOUND_IN.values()
