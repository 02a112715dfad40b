"""A network that takes noise out of pictures as a prompt says, its schedule and its graph.

The diffusion model and those that are distilled from it have it in common.
"""
