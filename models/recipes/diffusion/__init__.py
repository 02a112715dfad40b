"""A diffusion model that draws small pictures as a prompt says."""
