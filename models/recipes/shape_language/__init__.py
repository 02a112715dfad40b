"""A small language model of what is said of drawn shapes."""
