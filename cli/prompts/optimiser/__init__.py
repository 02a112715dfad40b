"""The optimiser of prompts: proposals are tried on some cases, and the best on cases held out."""
