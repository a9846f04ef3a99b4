"""The product as its server loads it, without the limit on calls a minute."""

from procurement.config.wsgi import application

__all__ = ["application"]

# Only after the line above may what asks for settings be imported.
from procurement.api.throttle import WINDOW

WINDOW.most = 10**9
