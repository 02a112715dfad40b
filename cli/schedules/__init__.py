"""Commands on schedules: what runs by the clock, its next times and its history."""
