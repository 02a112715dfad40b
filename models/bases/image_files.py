"""Names in the folders of vision-language bases: marks of images in texts, and a settings file.

https://huggingface.co/docs/transformers/model_doc/idefics
"""

from __future__ import annotations

IMAGE_MARK, AROUND_IMAGE_MARK = "<image>", "<fake_token_around_image>"
PREPROCESSOR = "preprocessor_config.json"
