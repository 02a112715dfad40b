"""A diffusion model that draws small pictures from prompts."""
