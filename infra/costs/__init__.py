"""What a stage costs: while nothing happens, and for each thing that does."""
