"""Models: named members, and the estimators they are made of.

Whoever asks the registry through this door finds the named members in it. Nothing here imports a
backend or XGBoost: those wait until something is trained, predicted or built.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
