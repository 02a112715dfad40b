"""Models as data, what they are asked, and what they cost."""
