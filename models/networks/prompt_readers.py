"""The reading of prompts by a diffusion base: by known words, or by CLIP's tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from transformers import CLIPTextConfig, CLIPTokenizer

from chalicelib.errors import HeadraceError
from chalicelib.inference.tokenizers import TOKENIZER_FILE
from chalicelib.inference.vocabulary import VOCABULARY_FILE, PromptVocabulary, shortened_list
from models.bases.folder import BaseModel
from models.bases.pipelines import VOCABULARY
from models.failures import BadData


class PromptReader(Protocol):
    """The reading of prompts as tokens of a fixed count, `length`."""

    @property
    def length(self) -> int: ...

    def tokens(self, prompt: str) -> list[int]:
        """Return the tokens of a prompt; unknown words are left out. Raises BadData if too long."""

    def files(self) -> Mapping[str, bytes]:
        """Return the files by which a server reads prompts."""


@dataclass(frozen=True, slots=True)
class WordPrompts:
    """Prompts of known words, one token a word, 0 where there is none."""

    vocabulary: PromptVocabulary
    length: int

    def tokens(self, prompt: str) -> list[int]:
        """Return the numbers of the words that are known. Raises BadData for too many."""
        numbers = [
            number
            for word in self.vocabulary.words(prompt)
            if (number := self.vocabulary.numbers.get(word)) is not None
        ]
        _require_length(len(self.vocabulary.words(prompt)), self.length, "words")
        return numbers + [0] * (self.length - len(numbers))

    def unknown(self, prompts: Sequence[str]) -> list[str]:
        """Return the words of prompts that have no token, each once, in their order."""
        words = (word for prompt in prompts for word in self.vocabulary.words(prompt))
        return [word for word in dict.fromkeys(words) if word not in self.vocabulary.numbers]

    def with_words(self, words: Sequence[str]) -> WordPrompts:
        """Return a reader that knows more words, with the next numbers."""
        known = dict(self.vocabulary.numbers)
        known |= {word: len(known) + at for at, word in enumerate(words, 1)}
        return WordPrompts(PromptVocabulary(known), self.length)

    def learned_words(self, captions: Sequence[str], most: int) -> list[str]:
        """Return the words of captions that are new. Raises BadData for more than `most`."""
        new = self.unknown(captions)
        if len(new) > most:
            raise BadData(
                f"The captions have {len(new)} words that the base does not know, such as "
                f"{', '.join(map(repr, new[:5]))}, and new_words is {most}: set it higher, or say "
                f"more by the words that the base knows, {shortened_list(self.vocabulary.numbers)}."
            )
        return new

    def files(self) -> Mapping[str, bytes]:
        """Return the vocabulary."""
        return {VOCABULARY_FILE: self.vocabulary.content()}


@dataclass(frozen=True, slots=True)
class ClipPrompts:
    """Prompts as CLIP's tokenizer reads them: with a beginning, an end, and padding."""

    tokenizer: CLIPTokenizer

    @property
    def length(self) -> int:
        """Return how many tokens a prompt has."""
        return int(self.tokenizer.model_max_length)

    def tokens(self, prompt: str) -> list[int]:
        """Return the tokens of a prompt. Raises BadData for too many."""
        found = self.tokenizer(prompt, verbose=False)["input_ids"]
        _require_length(len(found), self.length, "tokens")
        return [int(each) for each in found] + [self._padding] * (self.length - len(found))

    @property
    def _padding(self) -> int:
        return int(self.tokenizer.pad_token_id)

    def files(self) -> Mapping[str, bytes]:
        """Return the tokenizer, which pads to the length itself."""
        made = type(self.tokenizer.backend_tokenizer).from_str(
            self.tokenizer.backend_tokenizer.to_str()
        )
        made.enable_padding(
            length=self.length, pad_id=self._padding, pad_token=str(self.tokenizer.pad_token)
        )
        return {TOKENIZER_FILE: made.to_str().encode()}


def _require_length(count: int, limit: int, unit: str) -> None:
    if count > limit:
        raise BadData(f"the caption has {count} {unit}, and the base reads {limit}; shorten it.")


def read_prompts(base: BaseModel) -> WordPrompts | ClipPrompts:
    """Return the reading of prompts of a base, for which its weights are not needed.

    Raises:
        BadData: the tokenizer cannot be read, or does not fit what reads its tokens.
    """
    folder, name = base.folder / "tokenizer", base.record.name
    try:
        reader = CLIPTextConfig.from_pretrained(base.folder / "text_encoder")
        length, known = int(reader.max_position_embeddings), int(reader.vocab_size)
        if base.config["tokenizer"][1] == VOCABULARY:
            words = PromptVocabulary.of((folder / VOCABULARY_FILE).read_bytes())
            found: WordPrompts | ClipPrompts = WordPrompts(words, length)
            tokens = len(words.numbers) + 1
        else:
            found = ClipPrompts(CLIPTokenizer.from_pretrained(folder))
            tokens = len(found.tokenizer)
    except HeadraceError as error:
        raise BadData(f"{name}: {error.message}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"{name}: its tokenizer cannot be read: {error}") from error
    if found.length > length or tokens > known:
        raise BadData(
            f"{name}: the tokenizer has {tokens} tokens and prompts of {found.length}, and "
            f"text_encoder {known} and {length}."
        )
    return found
