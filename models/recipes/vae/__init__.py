"""A variational autoencoder of small pictures."""
