"""Network architectures that several recipes share; one of a single recipe lies with it."""
