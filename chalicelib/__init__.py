"""Code that the API and the functions share. Imports go downhill only; see `.importlinter`."""
