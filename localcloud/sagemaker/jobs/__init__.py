"""What jobs of every kind share: their store, their runner, their programs and transfers."""
