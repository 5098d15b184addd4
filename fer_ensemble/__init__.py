"""Facial expression recognition by ensembles of classical and deep models."""

import lazy_loader

# What the stub beside this file lists is imported on first use: importing a package is instant.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
