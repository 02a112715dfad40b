"""CLIP on emoji and their names."""
