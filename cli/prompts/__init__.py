"""Commands on prompts: files in versions, rendered and run."""
