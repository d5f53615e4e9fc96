"""A paper's box as a function on a map: a tensor in, a tensor out, its layers named after the paper's.

Networks of `gpc.models` are made of these; a chapter that teaches a box writes it out and then uses it from here.
"""

__all__ = []
