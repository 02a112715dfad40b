"""A small language model of descriptions of drawn shapes."""
