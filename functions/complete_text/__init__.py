"""Goes on with texts by the language models that a stage trained."""
