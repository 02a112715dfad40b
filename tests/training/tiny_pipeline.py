"""Pipelines of random weights, of diffusers' genuine classes and layout, and pictures to tune."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from chalicelib.inference.vocabulary import PromptVocabulary
from models.bases.folder import record_base
from models.networks.denoiser.network import Denoiser
from models.networks.diffusion_base import save_pixel_pipeline
from models.networks.settings import DenoiserSettings
from models.training_data.channel import ChannelWriter, DataPart, DataSource
from models.training_data.rows import CaptionedImage

SIDE = 16
"""Of the latent pipeline's pictures; its latents have half of it."""
LENGTH = 20
"""Tokens of the latent pipeline's prompts: its tokenizer knows letters alone."""
WORDS = ("a", "left", "right")
_PIECES = [*"abcdefghijklmnopqrstuvwxyz", *(f"{each}</w>" for each in "abcdefghijklmnopqrstuvwxyz")]


def write_latent_pipeline(folder: Path) -> Path:
    """Write a pipeline of Stable Diffusion's layout as a base, without a record."""
    torch.manual_seed(0)
    UNet2DConditionModel(
        sample_size=SIDE // 2,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    ).save_pretrained(folder / "unet")
    AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        sample_size=SIDE,
    ).save_pretrained(folder / "vae")
    pieces = {piece: at for at, piece in enumerate([*_PIECES, "<|startoftext|>", "<|endoftext|>"])}
    CLIPTokenizer(pieces, [], model_max_length=LENGTH).save_pretrained(folder / "tokenizer")
    CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(pieces),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            bos_token_id=pieces["<|startoftext|>"],
            eos_token_id=pieces["<|endoftext|>"],
        )
    ).save_pretrained(folder / "text_encoder")
    DDIMScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012
    ).save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "safety_checker": [None, None],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def write_pixel_pipeline(folder: Path) -> Path:
    """Write a pipeline whose network sees pixels of 8 x 8, with a record."""
    torch.manual_seed(0)
    settings = DenoiserSettings(
        steps=1, batch=1, learning_rate=1, side=8, channels=1, words=len(WORDS), prompt_tokens=4,
        width=8, text_width=8, noise_steps=100, average=0, guidance=1.5, sampling_steps=5,
    )  # fmt: skip
    words = PromptVocabulary({word: at for at, word in enumerate(WORDS, 1)})
    save_pixel_pipeline(Denoiser(settings), settings, words.content(), folder)
    record_base(folder, name="tiny", source="made in a test", licence="MIT")
    return folder


def write_pictures(folder: Path, counts: dict[DataPart, int], *, colour: bool = False) -> Path:
    """Write a channel of pictures that are bright on the side that their captions name."""
    drawing = random.Random(0)
    with ChannelWriter(folder, "captioned_images") as writer:
        for part, count in counts.items():
            for at in range(count):
                side = WORDS[1 + at % 2]
                sheet = Image.new("L", (SIDE, SIDE), drawing.randrange(10, 60))
                bright = drawing.randrange(200, 250)
                sheet.paste(bright, (0, 0, 8, 16) if side == "left" else (8, 0, 16, 16))
                sheet.putpixel((drawing.randrange(SIDE), drawing.randrange(SIDE)), 128)
                packed = io.BytesIO()
                (sheet.convert("RGB") if colour else sheet).save(packed, "PNG")
                row = CaptionedImage(file=writer.add_file(packed.getvalue(), ".png"),
                                     text=f"a glowing {side}")  # fmt: skip
                writer.add(part, row)
        writer.close(DataSource(source="made in a test", licence="CC0-1.0"))
    return folder
