"""Does the work of one run of a schedule, a step at a time, by the class of its kind."""
