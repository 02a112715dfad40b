"""Models that run in functions: ONNX sessions, tokenizers, images, and a module per task."""
