"""How well an embedding model covers the language of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.generation.catalogue import Catalogue

_NAMES = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "ga": "Irish", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "la": "Latin", "lt": "Lithuanian", "lv": "Latvian",
    "mk": "Macedonian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian",
    "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""What English calls the languages of ISO 639-1 that documents are often in."""


def language_notice(language: str, model: str, catalogue: Catalogue) -> str:
    """Return what to tell the owner of a document in `language`, an ISO 639-1 code; "" if nothing.

    `model` is the embedding model of the index that answers. One that the catalogue does not
    know, or whose languages it does not say, is taken to cover every language.
    """
    try:
        covered = catalogue.model(model).languages
    except NotFound:
        return ""
    if not language or not covered or language in covered:
        return ""
    known = ", ".join(_NAMES.get(code, code) for code in covered)
    name = f"{_NAMES[language]} ({language})" if language in _NAMES else f"the language {language}"
    return (
        f"The embedding model was trained on {known}; search by meaning is weaker for {name};"
        " search by words works."
    )
