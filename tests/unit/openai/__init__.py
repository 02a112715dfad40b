"""OpenAI's bodies in our terms, and back."""
