"""Decodes recordings, sound and film, and plans the parts in which they are transcribed."""
