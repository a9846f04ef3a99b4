from procurement.tasks import alerts

__all__ = ["alerts"]
