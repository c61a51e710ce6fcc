"""The threadpool system: does a model of a thread pool match a real one, and can a tiny model choose its size?"""
