"""Conversations of a tuned decoder: its rows as tokens, and the files that serve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from models.bases.folder import BaseModel
from models.failures import BadData
from models.networks import tuned_decoder_export as export
from models.networks.base_decoder import BaseTokenizer, DecoderSizes, read_base_tokenizer
from models.networks.chat_tokens import ChatEncoder, ChatTokens, require_lengths
from models.networks.settings import PREFIX_WAYS, TuningSettings
from models.networks.tuned_decoder import TunedDecoder
from models.training.recipe_code import Constant, Graph
from models.training_data.rows import ChatTurn

_PROBE = (ChatTurn(role="user", content="a"), ChatTurn(role="assistant", content="b"))


def build_chat_decoder(settings: TuningSettings, base: BaseModel) -> TunedDecoder:
    """Return a base with what is tuned on it. Raises BadData for one without a chat template."""
    made = TunedDecoder(base, settings)
    made.tokenizer.chat_template()
    return made


def encoder(tokenizer: BaseTokenizer) -> ChatEncoder:
    """Return the encoder of conversations for a base. Raises BadData for one without a template."""
    end = str(tokenizer.tokenizer.id_to_token(tokenizer.end))
    return ChatEncoder(tokenizer.chat(), tokenizer.chat_template(), end)


def end_token(model: TunedDecoder) -> int:
    """Return the token that ends an answer, as the base's template has it."""
    return encoder(model.tokenizer).encode(_PROBE).ids[-1]


def encode_conversations(
    model: TunedDecoder, rows: Sequence[Sequence[ChatTurn]], part: str
) -> list[ChatTokens]:
    """Return conversations as tokens. Raises BadData, with the line, for one that does not fit."""
    limit = min(model.settings.max_tokens, model.context - model.prefix_length())
    return _encode(model.tokenizer, rows, part, limit)


def check_conversations(
    settings: TuningSettings, rows: Sequence[Sequence[ChatTurn]], base: BaseModel, part: str
) -> None:
    """Raise BadData, with the line, for a conversation that does not fit a base and settings."""
    tokenizer, sizes = read_base_tokenizer(base), DecoderSizes.of(base)
    prefix = settings.prefix if settings.way in PREFIX_WAYS else 0
    limit = min(settings.max_tokens, settings.context - prefix, sizes.context - prefix)
    _encode(tokenizer, rows, part, limit)


def _encode(
    tokenizer: BaseTokenizer, rows: Sequence[Sequence[ChatTurn]], part: str, limit: int
) -> list[ChatTokens]:
    encoded, found = encoder(tokenizer), []
    for number, turns in enumerate(rows, 1):
        try:
            found.append(encoded.encode(turns))
        except BadData as error:
            raise BadData(f"{part}.jsonl, line {number}: {error}") from error
    require_lengths({part: found}, limit)
    return found


def graphs(network: torch.nn.Module, _parameters: TuningSettings) -> Mapping[str, Graph]:
    """Return the graph that decodes."""
    assert isinstance(network, TunedDecoder)
    return export.tuned_graphs(network)


def learned(network: torch.nn.Module) -> Mapping[str, Constant]:
    """Return the constants that a server needs."""
    assert isinstance(network, TunedDecoder)
    constants = export.tuned_constants(network)
    return {**constants, "end": end_token(network), "way": network.settings.way}


def network_files(network: torch.nn.Module) -> Mapping[str, bytes]:
    """Return the tokenizer, the chat template, and what was tuned beside the weights."""
    assert isinstance(network, TunedDecoder)
    return export.tuned_files(network)
