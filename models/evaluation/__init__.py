"""Metrics of trained models, intervals, figures, and the comparison with a champion."""
