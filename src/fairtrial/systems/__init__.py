"""The built-in systems. Each enters by the same entry points as a stranger's and could leave for its own repository."""
