from procurement.tasks import alerts, futures, imports, jobs, webhooks

__all__ = ["alerts", "futures", "imports", "jobs", "webhooks"]
