"""The threadpool system: whether a model of a thread pool matches a real one, and a tiny model can choose its size."""
