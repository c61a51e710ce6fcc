"""The services system: load, saturation and regression of real servers."""
