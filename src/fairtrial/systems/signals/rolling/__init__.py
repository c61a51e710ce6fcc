"""Statistics over what came last: at once, compiled, and one value at a time.

One rule holds for all: a value that is not finite gives NaN and enters no window, as if its bin had not been.
"""
