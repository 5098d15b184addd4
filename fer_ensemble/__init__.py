"""Facial expression recognition by ensembles of classical and deep models."""

import lazy_loader

__version__ = "0.1.0"  # read here by pyproject.toml, too

# What the stub beside this file lists is imported on first use: importing a package is instant.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
