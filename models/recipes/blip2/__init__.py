"""BLIP-2: a Q-Former between a frozen tower for pictures and a frozen language model."""
