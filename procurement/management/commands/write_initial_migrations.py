"""Rewrites every app's first migration from the models as they are (before 1.0 there is nothing to upgrade).

`makemigrations` splits a new app into CreateModel, AddField and AddConstraint; each rebuilds the whole model state, and
a first start took 45 s. All tables of an app in one operation, in order of dependence, take four.
"""

from argparse import ArgumentParser
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db.migrations import Migration, swappable_dependency
from django.db.migrations.operations import CreateModel
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter

from sites.accounts.migrations._together import CreateTogether

OUTSIDE = {"accounts": [("auth", "0012_alter_user_first_name_max_length"), ("pghistory", "0007_auto_20250421_0444")]}
APPS = ["accounts", "sites", "procurement"]


class Command(BaseCommand):
    help = "Rewrite 0001_initial of every app from the models. For developers, before 1.0."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only name the files")

    def handle(self, *args: Any, **options: Any) -> None:
        state = ProjectState.from_apps(apps)
        for label in APPS:
            path = Path(apps.get_app_config(label).path) / "migrations" / "0001_initial.py"
            if not options["dry_run"]:
                path.write_text(self._text(label, state))
            self.stdout.write(str(path.name) + f" of {label}")

    def _text(self, label: str, state: ProjectState) -> str:
        models = {name: model for (app, name), model in state.models.items() if app == label}
        order = TopologicalSorter({name: self._needs(model, label, name) for name, model in models.items()})
        tables: list[CreateModel] = []
        for name in order.static_order():
            model = models[name]
            kept = {key: value for key, value in model.options.items() if key != "triggers"}
            tables.append(
                CreateModel(
                    name=model.name,
                    fields=list(model.fields.items()),
                    options=kept,
                    bases=model.bases,
                    managers=model.managers if label == "accounts" else [],
                )
            )
        migration = type("Migration", (Migration,), {"operations": [CreateTogether(tables)], "initial": True})(
            "0001_initial", label
        )
        lower = APPS[: APPS.index(label)]
        migration.dependencies = OUTSIDE.get(label, [("pghistory", "0007_auto_20250421_0444")]) + [
            (app, "0001_initial") for app in lower if app != "accounts"
        ]
        if label != "accounts":
            migration.dependencies.append(swappable_dependency(settings.AUTH_USER_MODEL))
        return MigrationWriter(migration).as_string()

    @staticmethod
    def _needs(model: ModelState, label: str, name: str) -> set[str]:
        needs = set()
        for field in model.fields.values():
            target = getattr(getattr(field, "remote_field", None), "model", None)
            if isinstance(target, str) and "." in target:
                app, other = target.lower().split(".")
                if app == label and other != name:
                    needs.add(other)
        return needs
