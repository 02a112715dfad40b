"""What OpenAI's clients ask of models: chat completions and responses, streamed or whole, vectors,
and pictures.
"""
