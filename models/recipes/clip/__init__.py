"""CLIP on drawn shapes: pictures and texts in one space."""
