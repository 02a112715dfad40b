"""The routes of OpenAI's API that call models, streamed or whole.

They are chat completions, responses, embeddings, images and transcriptions.
"""
