"""A Config with some fields changed, read from text as it is typed on the command line."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any

PLAIN = (int, float, str, bool)


def changed_config(config: type[Any], changes: Iterable[str]) -> Any:
    """Build a Config with some fields changed, each given as the text ``field=value``.

    Raises
    ------
    ValueError
        If a field does not exist, its text is not of the field's type, or the Config refuses it.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     steps: int = 2000
    ...     weights: tuple[float, ...] = (0.5, 1.0)
    >>> changed_config(Config, ["steps=20", "weights=1,2"])
    Config(steps=20, weights=(1.0, 2.0))
    """
    kinds = typing.get_type_hints(config)
    fields = [field.name for field in dataclasses.fields(config) if field.init]
    values: dict[str, Any] = {}
    for change in changes:
        field, equals, text = change.partition("=")
        field = field.strip()
        if not equals:
            raise ValueError(f"must be FIELD=VALUE, got {change!r}")
        if field not in fields:
            raise ValueError(f"knows no field {field!r}; fields are {', '.join(fields)}")
        try:
            values[field] = _parse(kinds[field], text.strip())
        except ValueError as error:
            kind = kinds[field]
            expected = kind.__name__ if kind in PLAIN else str(kind).replace("typing.", "")
            raise ValueError(f"{field} must be {expected}, got {text!r}") from error
    return config(**values)  # whose own checks raise ValueError


def written(value: Any) -> str:
    """Write a field's value as `changed_config` reads it.

    Examples
    --------
    >>> written((0.5, 1.0)), written(3e-4), written("adam")
    ('0.5,1', '0.0003', 'adam')
    """
    if isinstance(value, tuple):
        return ",".join(written(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parse(kind: Any, text: str) -> Any:
    """Read a value of the given type from text; a tuple is written 1,2,3."""
    shape, parts = typing.get_origin(kind), typing.get_args(kind)
    if shape is typing.Literal or kind is bool:
        options = {str(option): option for option in parts or (True, False)}
        if text not in options:
            raise ValueError(text)
        return options[text]
    if shape in (typing.Union, types.UnionType):
        if type(None) in parts and text.lower() == "none":
            return None
        for part in parts:
            try:
                return _parse(part, text)
            except ValueError:
                continue
        raise ValueError(text)
    if shape is tuple:
        items = [item.strip() for item in text.strip("()[]").split(",") if item.strip()]
        each = [parts[0]] * len(items) if parts[1:] == (...,) else list(parts)
        return tuple(_parse(one, item) for one, item in zip(each, items, strict=True))
    if kind in PLAIN:
        return kind(text)
    raise ValueError(text)
