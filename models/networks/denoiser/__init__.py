"""A denoising network for pictures with prompts, its schedule and its graph."""
