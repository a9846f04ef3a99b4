from django.db import models

from sites.accounts.row import Row


class ExternalRef(Row):
    """What another system calls a thing of ours; many per thing.

    `document_version` is the newest version that system sent for it, applied or not: what is older is ignored.
    """

    system = models.CharField(max_length=20)
    kind = models.CharField(max_length=30)
    external_id = models.CharField(max_length=80)
    subject_id = models.UUIDField()
    document_version = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["system", "kind", "external_id"], name="an_external_id_names_one_thing_within_a_system"
            ),
        ]
        indexes = [models.Index(fields=["kind", "subject_id"], name="external_ids_of_a_thing")]

    def __str__(self) -> str:
        return f"{self.system} {self.external_id}"
