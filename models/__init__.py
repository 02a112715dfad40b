"""Models: the catalogue of pulled ones, and the recipes, training and evaluation of our own."""
