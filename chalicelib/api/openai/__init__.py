"""What OpenAI's clients ask that takes no model; `functions/stream_chat` has the rest."""
