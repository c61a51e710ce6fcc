"""How requests are issued: schedules, pacing, generator processes."""
