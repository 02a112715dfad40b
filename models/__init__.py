"""Models: the catalogue, and how their files get onto this machine with their hashes checked."""
