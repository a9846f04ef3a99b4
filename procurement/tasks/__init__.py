from procurement.tasks import alerts, imports, jobs, webhooks

__all__ = ["alerts", "imports", "jobs", "webhooks"]
