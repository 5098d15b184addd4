from .application import create_app
from .guards import is_loopback
from .limits import Limits
from .server import open_socket, serve

__all__ = ["Limits", "create_app", "is_loopback", "open_socket", "serve"]
