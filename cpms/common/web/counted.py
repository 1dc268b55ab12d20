"""Filters whose options are the values that occur in the list, each with the number of rows that have it.

A page loads the options of one filter when a user opens it: one grouped query, however many filters a list has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise

from cpms.common.text.typed import whole_number, without_nul

NONE = "none"  # stands for rows without a value
MAX_OPTIONS = 100  # shown at once; a search finds the others
MAX_CHOSEN = 50
MAX_VALUE_LENGTH = 520

Pairs = Iterable[tuple[str, str | Promise]]


class Option(NamedTuple):
    """One option of a filter.

    Attributes:
        rows: the number of rows with this value, with all other filters applied; None if it was not counted.
    """

    value: str
    label: str
    rows: int | None = None
    is_chosen: bool = False


class CountedField(forms.MultipleChoiceField):
    """Any number of values of a `CountedFilter`. Its choices are known after `CountedFilterSet.form` was built."""

    is_counted = True

    def valid_value(self, value: Any) -> bool:
        choices: Any = self.choices
        return any(str(value) == str(key) for key, _label in choices)


class CountedFilter(django_filters.Filter):
    """Filters by any number of values of one column.

    Args:
        key: the column or annotation that is compared.
        text: the column with the label of a value, if `key` is a foreign key.
        choices: all possible values with their labels, if they are known.
        none_label: the label for rows without a value; by default these are no option.
    """

    field_class = CountedField

    def __init__(
        self,
        *,
        key: str = "",
        text: str = "",
        choices: Pairs | None = None,
        none_label: str | Promise = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.key, self.text, self.fixed, self.none_label = key, text, choices, none_label

    def filter(self, qs: Any, value: Any) -> Any:
        return self.narrowed(qs, value) if value else qs

    def narrowed(self, rows: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        """Return the rows that have one of the values."""
        found = Q(**{f"{self.key}__in": [value for value in values if value != NONE]})
        return rows.filter(found | self._is_blank() if NONE in values else found)

    def counts(self, rows: QuerySet[Any], find: str) -> list[tuple[Any, Any, int]]:
        """Return value, label and number of rows of each value that occurs, the most frequent first; one query."""
        if find:
            rows = rows.filter(**{f"{self.text or self.key}__icontains": find})
        names = (self.key, self.text) if self.text else (self.key,)
        found = rows.order_by().values_list(*names).annotate(counted_rows=Count("pk", distinct=True))
        ordered = found.order_by("-counted_rows", names[-1])[: MAX_OPTIONS + 1]
        return [(row[0], row[-2], row[-1]) for row in ordered]

    def labels_of(self, rows: QuerySet[Any], values: Sequence[str]) -> dict[str, str]:
        """Return the labels of those values that exist; a query only for foreign keys."""
        known = {NONE: str(self.none_label)} if self.none_label else {}
        if not self.text:
            return known | {value: value for value in values if value != NONE}
        keys = [key for value in values if (key := whole_number(value)) is not None]
        if keys:
            found = rows.order_by().filter(**{f"{self.key}__in": keys}).values_list(self.key, self.text).distinct()
            known |= {str(key): str(text) for key, text in found}
        return known

    def fixed_choices(self) -> list[tuple[str, str]] | None:
        """Return all possible values with their labels, if they are known."""
        if self.fixed is None:
            return None
        blank = [(NONE, str(self.none_label))] if self.none_label else []
        return [*((str(value), str(label)) for value, label in self.fixed), *blank]

    def options(self, rows: QuerySet[Any], chosen: Sequence[str], find: str) -> list[Option]:
        """Return the options, at most one more than are shown."""
        fixed = self.fixed_choices()
        counted = self.counts(rows, "" if fixed is not None else find)
        if fixed is not None:
            count_of = {NONE if value in (None, "") else str(value): count for value, _label, count in counted}
            return [Option(value, label, count_of.get(value, 0), value in chosen) for value, label in fixed]
        found = [
            Option(str(value), str(label), count, str(value) in chosen)
            for value, label, count in counted
            if value not in (None, "")
        ]
        blank = sum(count for value, _label, count in counted if value in (None, ""))
        if blank and self.none_label:
            found.append(Option(NONE, str(self.none_label), blank, NONE in chosen))
        return found

    def _is_blank(self) -> Q:
        return Q(**{f"{self.key}__isnull": True}) | (Q() if self.text else Q(**{self.key: ""}))


class CountedFilterSet(django_filters.FilterSet):
    """A filter set with counted filters. It looks up the labels of the values in the address, and no others."""

    @property
    def counted(self) -> dict[str, CountedFilter]:
        return {name: one for name, one in self.filters.items() if isinstance(one, CountedFilter)}

    @property
    def form(self) -> Any:
        if not hasattr(self, "_form"):
            form = super().form
            for name, one in self.counted.items():
                form.fields[name].is_searchable = one.fixed is None
                form.fields[name].choices = self._choices(one, self.chosen(name))
        return super().form

    def chosen(self, name: str) -> list[str]:
        """Return the values in the address, without duplicates."""
        values = self.data.getlist(name) if hasattr(self.data, "getlist") else self.data.get(name, [])
        return [without_nul(value)[:MAX_VALUE_LENGTH] for value in dict.fromkeys(values) if value][:MAX_CHOSEN]

    def chosen_options(self, name: str) -> list[Option]:
        """Return the chosen options with their labels, as they stand in the form before the others are loaded."""
        chosen = self.chosen(name)
        return [Option(key, label, None, True) for key, label in self.form.fields[name].choices if key in chosen]

    def options(self, name: str, find: str = "") -> list[Option]:
        """Return the options of one filter, counted among the rows that match all other filters."""
        others = self.data.copy()
        others.pop(name, None)
        narrowed = type(self)(others, queryset=self.queryset, request=self.request)
        rows = narrowed.qs if narrowed.is_valid() else narrowed.queryset.none()
        found = self.counted[name].options(rows, self.chosen(name), without_nul(find).strip()[:120])
        listed = {option.value for option in found[:MAX_OPTIONS]}
        return [*(option for option in self.chosen_options(name) if option.value not in listed), *found]

    def _choices(self, one: CountedFilter, chosen: list[str]) -> list[tuple[str, str]]:
        fixed = one.fixed_choices()
        if fixed is not None:
            return fixed
        return list(one.labels_of(self.queryset, chosen).items()) if chosen else []
