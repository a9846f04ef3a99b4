from django.apps import AppConfig

from sites.domain.errors import RuleBroken


class ProcurementConfig(AppConfig):
    name = "procurement"
    label = "procurement"

    def ready(self) -> None:
        from procurement.services.refusal_words import said

        RuleBroken.in_words = staticmethod(said)
