"""From the source tree to what AWS runs: a template, and a bundle for each function."""
