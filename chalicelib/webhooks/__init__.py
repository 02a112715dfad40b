"""Webhooks: subscriptions, signed requests to receivers, and deliveries with retries."""
