"""A page and an HTTP API that label faces: `create_app` makes them, and `serve` runs them."""

import lazy_loader

from fer_ensemble.libraries import require

for _library in ("fastapi", "uvicorn", "python_multipart", "prometheus_client"):
    require(_library, "The server")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
