"""`POST /v1/ask/stream`: an answer as server-sent events, each sent once it is certain."""
