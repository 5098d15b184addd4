"""Labels that are probably wrong, and pictures that are no faces: found, ranked and explained."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
