"""Operators' commands on trained models: train, tune, register, serve, transform."""
