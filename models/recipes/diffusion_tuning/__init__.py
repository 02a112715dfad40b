"""A diffusion base that is tuned on captioned pictures of one style."""
