"""Plan -> events: the runner, the engines, and the processes that run trials."""
