"""OpenAI's bodies put into our terms, and our results into OpenAI's. All of it is pure."""
