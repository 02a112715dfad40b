"""OpenAI's API where no model is called; `functions/stream_chat` has the rest."""
