"""Faces with labels: readers of FER2013 in its usual forms, splits, and synthetic faces."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
