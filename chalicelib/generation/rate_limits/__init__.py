"""Limits on calls of models: circuit breaker, fair rate limiter, and the guard over both."""
