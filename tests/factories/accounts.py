"""People and machines. Make rows with `.create(...)`: that is what is typed."""

from datetime import date
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from factory.declarations import LazyAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from sites.accounts.models import ApiClient, ApiKey, AuditEvent, KeptAnswer, User, UserKind

T = TypeVar("T", bound=Model)


class RowFactory(DjangoModelFactory[T]):
    """One row and what it stands on, in one transaction: some rules are checked by PostgreSQL at its end."""

    class Meta:
        abstract = True
        skip_postgeneration_save = True

    @classmethod
    def _generate(cls, strategy: Any, params: Any) -> Any:
        with transaction.atomic():
            return super()._generate(strategy, params)


class UserFactory(RowFactory[User]):
    class Meta:
        model = User

    class Params:
        machine = Trait(kind=UserKind.MACHINE, email="")
        japanese = Trait(language="ja", time_zone="Asia/Tokyo")
        without_address = Trait(email="")

    username = Sequence(lambda n: f"person{n}")
    name = Sequence(lambda n: f"Person {n}")
    email = LazyAttribute(lambda made: f"{made.username}@people.example")
    kind = UserKind.PERSON
    # Somebody who was here today: no page of a test writes down a first visit beside what is counted.
    visited_on = date(2100, 1, 1)

    @post_generation  # type: ignore[untyped-decorator]
    def password(self: User, create: bool, extracted: str | None, **kwargs: object) -> None:
        if extracted:
            self.set_password(extracted)
            self.save(update_fields=["password"])


class ApiClientFactory(RowFactory[ApiClient]):
    class Meta:
        model = ApiClient

    name = Sequence(lambda n: f"ERP {n}")
    system = "SAP-PRD"
    account = SubFactory(UserFactory, machine=True)


class ApiKeyFactory(RowFactory[ApiKey]):
    """A row that looks like a key; no secret belongs to it."""

    class Meta:
        model = ApiKey

    client = SubFactory(ApiClientFactory)
    prefix = Sequence(lambda n: f"llk_{n:08}")
    secret_hash = b"0" * 32
    scopes = ["po:read"]


class KeptAnswerFactory(RowFactory[KeptAnswer]):
    class Meta:
        model = KeptAnswer

    client = SubFactory(ApiClientFactory)
    key = Sequence(lambda n: f"key-of-a-call-{n:08}")
    fingerprint = b"0" * 32
    status = 200
    body = b"{}"


class AuditEventFactory(RowFactory[AuditEvent]):
    class Meta:
        model = AuditEvent

    actor = SubFactory(UserFactory)
    verb = "order.released"
    subject_kind = "order"
    subject_id = "1"
