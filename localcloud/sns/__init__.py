"""The deliveries of SNS; moto keeps its topics and subscriptions."""
