"""Trainings of many recipes and seeds in processes of their own, and tables of results."""
