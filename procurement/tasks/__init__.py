from procurement.tasks import alerts, jobs

__all__ = ["alerts", "jobs"]
