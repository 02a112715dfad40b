"""A diffusion model that draws in few steps, distilled from one that takes many."""
