"""Models that run inside a function: ONNX sessions, and what goes into and out of them."""
