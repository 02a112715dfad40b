"""The languages of Amazon Transcribe, by those that Whisper detects.

https://docs.aws.amazon.com/transcribe/latest/dg/supported-languages.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_FIRST: Mapping[str, str] = {
    "ar": "ar-SA", "de": "de-DE", "en": "en-US", "es": "es-ES", "fa": "fa-IR", "fr": "fr-FR",
    "jw": "jv-ID", "nn": "no-NO", "pt": "pt-BR", "sw": "sw-KE", "zh": "zh-CN", "cy": "cy-GB",
    "et": "et-EE",
}  # fmt: skip
"""Of languages of several countries, the one that is identified where none was asked for."""


def whisper_language(code: str) -> str:
    """Return Whisper's code of a language: `en` of `en-US`."""
    language = code.partition("-")[0]
    return {"jv": "jw"}.get(language, language)


def identified(language: str, known: Sequence[str], options: Sequence[str]) -> str:
    """Return the code of a language that Whisper detected, "" if it is none of `known`.

    Of `options`, where there are some, it is the first of that language; and if none is, the first.
    """
    if options:
        return next((each for each in options if whisper_language(each) == language), options[0])
    if language in _FIRST:
        return _FIRST[language]
    return next((each for each in known if whisper_language(each) == language), "")
