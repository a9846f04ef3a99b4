"""Shapes of workbooks: what the sender says of a file, and what was understood of it."""

from typing import Any

from rest_framework import serializers

from procurement.api.fields import Text
from procurement.domain.cells import DayOrder, DecimalMark
from procurement.models import ImportBatch
from procurement.vocabulary import ImportKind, ImportState, ImportWork, RowOutcome


class ImportQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ImportKind.values, help_text="What one row is.")
    file_name = Text(required=False, default="rows", max_length=200, help_text="What the file is called at yours.")
    stated_on = serializers.DateField(required=False, help_text="The day the file speaks of; today if not said.")
    company = Text(required=False, default="", max_length=40, help_text="Code of the company whose file it is.")
    sheet = Text(required=False, default="", max_length=120, help_text="Its sheet, where it has several.")
    header_row = serializers.IntegerField(required=False, min_value=1, help_text="Counted from 1; only with columns.")
    columns = Text(
        required=False, default="", max_length=2000, help_text="field:LETTERS, separated by commas (order:A,line:C)."
    )
    encoding = Text(required=False, default="", max_length=20, help_text="Of a .csv that is not UTF-8.")
    day_order = serializers.ChoiceField(
        required=False, choices=[each.value for each in DayOrder], help_text="How 5/6/2027 is meant."
    )
    decimal_mark = serializers.ChoiceField(
        required=False, choices=[each.value for each in DecimalMark], help_text="How text such as 1,5 is meant."
    )


class ImportSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Names the import in this API.")
    kind = serializers.CharField(help_text="What one row is.")
    state = serializers.ChoiceField(
        choices=ImportState.values, help_text="staged: nothing is written yet; refused: see problem."
    )
    file_name = serializers.CharField(help_text="As it was sent.")
    file_sha256 = serializers.CharField(help_text="Of the bytes; the same file for the same purpose is one import.")
    sheet = serializers.CharField(help_text="The sheet that was read.")
    header_row = serializers.IntegerField(help_text="Counted from 1.")
    mapping = serializers.DictField(child=serializers.CharField(), help_text="Column letters by field.")
    columns_unread = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        help_text="Titles by letters of columns that hold something that is not read.",
    )
    stated_on = serializers.DateField(help_text="Local day of the sender.")
    rows_read = serializers.IntegerField(help_text="Accepted, refused and blank together.")
    rows_accepted = serializers.IntegerField(help_text="New, changed or unchanged.")
    rows_refused = serializers.IntegerField(help_text="Each with its cell and reason among the rows.")
    rows_blank = serializers.IntegerField(help_text="Rows without a filled cell.")
    work = serializers.ChoiceField(
        choices=ImportWork.values, allow_blank=True, help_text="What is being done with it now; empty: nothing."
    )
    problem = serializers.CharField(allow_blank=True, help_text="Why what was asked last came to nothing.")
    created_at = serializers.DateTimeField(help_text="Instant in UTC at which it was read.")


class ImportListSerializer(serializers.Serializer[Any]):
    items = ImportSerializer(many=True, help_text="Newest first.")


class ImportChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="The field of the kind.")
    old = serializers.CharField(allow_blank=True, help_text="As it stands; empty where there is nothing.")
    new = serializers.CharField(help_text="As the file says.")


class ImportRefusalSerializer(serializers.Serializer[Any]):
    address = serializers.CharField(help_text="The cell or row in the file: Orders!B7.")
    field = serializers.CharField(allow_blank=True, help_text="The field of the kind; empty for the whole row.")
    message = serializers.CharField(help_text="For people.")


class ImportRowSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(source="number", help_text="Counted from 1, as a spreadsheet counts.")
    outcome = serializers.ChoiceField(choices=RowOutcome.values, help_text="What applying it does.")
    subject = serializers.CharField(allow_blank=True, help_text="What people call the record.")
    changes = ImportChangeSerializer(many=True, help_text="Empty where nothing changes.")
    refusals = ImportRefusalSerializer(many=True, help_text="Why the row is refused.")
    left = serializers.CharField(allow_blank=True, help_text="Why undoing left it as it is.")


class ImportRowsSerializer(serializers.Serializer[Any]):
    items = ImportRowSerializer(many=True, help_text="In the order of the file; blank ones are left out.")
    has_more = serializers.BooleanField(help_text="Ask again with after.")


class ImportRowsQuery(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(required=False, choices=RowOutcome.values, help_text="Only these.")
    after = serializers.IntegerField(default=0, min_value=0, help_text="Number of the last row had.")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=500, help_text="Most rows to answer.")


class UndoWrite(serializers.Serializer[Any]):
    reason = Text(max_length=500, help_text="Why it is taken back.")
    force = serializers.BooleanField(default=False, help_text="Also set back what was changed since.")


class ExportQuery(serializers.Serializer[Any]):
    site = Text(required=False, default="", max_length=20, help_text="Only of this site.")


def import_answer(batch: ImportBatch) -> dict[str, Any]:
    shown: dict[str, Any] = dict(ImportSerializer(batch).data)
    return shown
