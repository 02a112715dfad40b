"""The commands on extractions: `extract`, `extractors` and `reviews`."""
