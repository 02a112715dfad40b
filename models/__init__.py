"""Models: the catalogue of pulled ones, and recipes, training and evaluation of our own."""
