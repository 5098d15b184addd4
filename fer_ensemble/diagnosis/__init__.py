"""What is installed and whether it works: the checks of ``fer-ensemble doctor``."""

import lazy_loader

# What the stub beside this file lists is imported on first use: importing a package is instant.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
