"""Answers questions about pictures by a BLIP-2 or a Flamingo that a stage trained."""
