"""Explanations: what a classifier looked at, and what spoke for its label."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
