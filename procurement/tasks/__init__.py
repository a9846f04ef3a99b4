from procurement.tasks import alerts, imports, jobs

__all__ = ["alerts", "imports", "jobs"]
