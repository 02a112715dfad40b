"""Inputs and outputs of functions that run a model, one module for each function."""
