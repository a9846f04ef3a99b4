from django.db import models


class Heartbeat(models.Model):
    """When a background component last did its round; health pages compare it with the clock."""

    component = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField()
    detail = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.component
