"""People and machines. Make rows with `.create(...)`: that is what is typed."""

from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from factory.declarations import LazyAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory
from factory.helpers import post_generation

from sites.accounts.models import ApiClient, User, UserKind

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
