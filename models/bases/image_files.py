"""What folders of bases that see call their pictures: marks in texts, and settings in a file.

https://huggingface.co/docs/transformers/model_doc/idefics
"""

from __future__ import annotations

IMAGE_MARK, AROUND_IMAGE_MARK = "<image>", "<fake_token_around_image>"
PREPROCESSOR = "preprocessor_config.json"
