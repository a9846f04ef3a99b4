"""The product as its server loads it, without the limit on calls a minute."""

from procurement.api.throttle import WINDOW
from procurement.config.wsgi import application

__all__ = ["application"]

WINDOW.most = 10**9
