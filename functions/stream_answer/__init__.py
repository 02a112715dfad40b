"""`POST /v1/ask/stream`: an answer as server-sent events, each as soon as it is true."""
