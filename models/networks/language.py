"""A language model that other networks hold frozen, with its tokenizer's fingerprint."""

from __future__ import annotations

import torch
from torch import nn

from models.data.words import WholeWordTokenizer
from models.failures import BadData
from models.networks.decoder import decoder
from models.networks.settings import DecoderSettings

_SHA256 = 32


class FrozenLanguageModel(nn.Module):
    """A decoder, with the fingerprint of the tokenizer that it was trained by."""

    def __init__(self, settings: DecoderSettings) -> None:
        """Make the network; weights are drawn from torch's global stream."""
        super().__init__()
        self.decoder = decoder(settings)
        self.register_buffer("words", unknown_words())

    @property
    def width(self) -> int:
        """Return the width of the decoder's input embeddings."""
        found: int = self.decoder.config.hidden_size
        return found

    def learn(self, words: WholeWordTokenizer) -> None:
        """Store the fingerprint of the tokenizer that this model is trained with."""
        self.words.copy_(torch.from_numpy(words.fingerprint()))

    def vectors(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the input embeddings of tokens, [..., width]."""
        found: torch.Tensor = self.decoder.get_input_embeddings()(tokens)
        return found

    def after(self, prefix: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits of the token after each of `tokens`, [n, length, vocabulary].

        `prefix` are vectors that are read before them, [n, before, width].
        """
        read = torch.cat([prefix, self.vectors(tokens)], dim=1)
        told: torch.Tensor = self.decoder(inputs_embeds=read, use_cache=False).logits
        return told[:, prefix.shape[1] :]

    def last(self, prefix: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return logits of the token after the last, [n, vocabulary]."""
        read = torch.cat([prefix, self.vectors(tokens)], dim=1)
        told = self.decoder(inputs_embeds=read, use_cache=False, logits_to_keep=1).logits
        found: torch.Tensor = told[:, -1]
        return found


def unknown_words() -> torch.Tensor:
    """Return the empty fingerprint of an untrained model, [32 bytes]."""
    return torch.zeros(_SHA256, dtype=torch.uint8)


def require_same_words(fingerprint: torch.Tensor, words: WholeWordTokenizer) -> None:
    """Raise BadData unless a language model was trained with this tokenizer."""
    if not torch.equal(fingerprint.cpu(), torch.from_numpy(words.fingerprint())):
        raise BadData(
            "The language model was trained by other words than the channel has, so that its "
            "tokens mean something else. Train shape_language on the same channel."
        )
