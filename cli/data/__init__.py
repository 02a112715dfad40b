"""The command group `data`: training data is checked before it is paid for."""
