"""Public classes as dicts of JSON types, and back.

`to_dict` has a member for each attribute: dates and times are in ISO 8601 with their offset from UTC, enumerations are
their values, tuples are lists, errors are what `GroupsError.to_dict` says. `from_dict` is strict: it turns no value
into one of another type, and refuses members that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast, get_args, get_origin

import attrs

from groups_sdk import _pydantic
from groups_sdk.errors import GroupsError, InvalidArgumentError

if TYPE_CHECKING:
    from cattrs import Converter
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

__all__ = ["Document", "Serializable", "error_document", "structure"]

_SHOWN = 5
_NAMES = {str: "a string", int: "a whole number", bool: "true or false"}


class Document:
    """Something that can be written as a dict of JSON types; `dict(thing)` gives the same as `thing.to_dict()`.

    So it can be returned from a route of FastAPI and be a field of a pydantic model, where pydantic is installed.
    """

    __slots__ = ()
    _not_in_dict: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, Any]:
        """All that this holds, as a dict of JSON types: `json.dumps` takes it.

        Dates and times are in ISO 8601 with their offset from UTC, enumerations are their values, tuples are lists.

        Example:
            print(json.dumps(membership.to_dict()))
        """
        document: dict[str, Any] = _converter().unstructure(self)
        return document

    # With these two, `dict(thing)` works. Without `__iter__`, Python would count `thing[0]`, `thing[1]`, ...
    __iter__: ClassVar[None] = None

    def keys(self) -> Sequence[str]:
        """The names of the members of `to_dict()`."""
        return tuple(self.to_dict())

    def __getitem__(self, name: str) -> Any:
        return self.to_dict()[name]

    @classmethod
    def _read(cls, document: Any, source: Any) -> Any:
        """The object of the type `source`, which is this class or an alias such as `Page[Group]`, from its dict."""
        raise NotImplementedError

    def _check(self) -> None:
        """Raise `ValueError` when what was read contradicts itself."""

    @classmethod
    def _members(cls) -> Mapping[str, tuple[Any, bool]]:
        """The type of each member of the dict, and whether it must be there."""
        return {
            field.name: (field.type, field.default is attrs.NOTHING)
            for field in attrs.fields(attrs.resolve_types(cast("type[attrs.AttrsInstance]", cls)))
            if field.name not in cls._not_in_dict
        }

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _pydantic.core_schema(cls, source, cls._members(), cls._read, handler)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return _pydantic.json_schema(cls, schema, handler)


class Serializable(Document):
    """Something that can be written as a dict of JSON types, and read back."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote. Members that have a default may be missing.

        Raises `InvalidArgumentError`, which names the path (`user.email`), when a value is of another type, a member
        is missing or unknown, or a time has no offset from UTC.

        Example:
            assert GroupMembership.from_dict(membership.to_dict()) == membership
        """
        found: Self = structure(document, cls, cls)
        return found

    @classmethod
    def _read(cls, document: Any, source: Any) -> Any:
        return cls.from_dict(document)


def structure(document: Any, cls: type[Any], source: Any) -> Any:
    """The object of that class from its dict; `source` is the class, or an alias of it with the types of its items."""
    from cattrs.errors import BaseValidationError

    try:
        return _converter().structure(document, source)
    except (BaseValidationError, TypeError, ValueError) as error:
        problems = list(_problems(error))
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    raise InvalidArgumentError(f"{cls.__name__}: {'; '.join(problems[:_SHOWN])}{more}")


def _problems(error: Exception, path: str = "") -> Iterator[str]:
    """What is wrong, with the path of each value that is. No value is shown: it may be about a person."""
    from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

    if isinstance(error, ClassValidationError):
        members, others = error.group_exceptions()
        for inner, member in members:
            yield from _problems(inner, f"{path}.{member.name}")
        for inner in others:
            yield from _problems(inner, path)
        return
    if isinstance(error, IterableValidationError):
        for inner, item in error.group_exceptions()[0]:
            yield from _problems(inner, f"{path}[{item.index!r}]")
        return
    if isinstance(error, InvalidArgumentError):  # of the members of an error
        yield f"{path}.{error}".removeprefix(".")
        return
    if isinstance(error, KeyError):
        problem = "is missing"
    elif isinstance(error, ForbiddenExtraKeysError):
        problem = f"has unknown members: {', '.join(sorted(map(ascii, error.extra_fields)))}"
    else:
        problem = str(error)
    yield f"{path.removeprefix('.')}: {problem}" if path else problem


@cache
def _converter() -> Converter:
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
    from cattrs.preconf.json import make_converter

    converter = make_converter()

    def own_reader(cls: Any) -> Callable[[Any, Any], Any]:
        def read_own(value: Any, _: Any) -> Any:
            if not isinstance(value, Mapping):
                raise TypeError("must be an object")
            return cls.from_dict(value)

        return read_own

    def left_out(cls: Any) -> dict[str, Any]:
        names: tuple[str, ...] = getattr(get_origin(cls) or cls, "_not_in_dict", ())
        return {name: override(omit=True) for name in names}

    def reader(cls: Any) -> Callable[[Any, Any], Any]:
        read = make_dict_structure_fn(
            cls,
            converter,
            _cattrs_forbid_extra_keys=True,
            _cattrs_detailed_validation=True,
            **left_out(cls),
        )

        def read_object(value: Any, type_: Any) -> Any:
            if not isinstance(value, Mapping):
                raise TypeError("must be an object")
            found: Document = read(value, type_)
            found._check()  # pyright: ignore[reportPrivateUsage] - Document has it for this place
            return found

        return read_object

    def writer(cls: Any) -> Callable[[Any], Any]:
        return make_dict_unstructure_fn(cls, converter, **left_out(cls))

    def sequence_reader(type_: Any) -> Callable[[Any, Any], Any]:
        items = GenericAlias(list, get_args(type_)[:1])
        read, is_tuple = converter.get_structure_hook(items), get_origin(type_) is tuple

        def read_list(value: Any, _: Any) -> Any:
            if not isinstance(value, list | tuple):
                raise TypeError("must be a list")
            found = read(value, items)
            return tuple(found) if is_tuple else found

        return read_list

    def mapping_reader(type_: Any) -> Callable[[Any, Any], Any]:
        members = GenericAlias(dict, get_args(type_))
        read = converter.get_structure_hook(members)

        def read_members(value: Any, _: Any) -> Any:
            if not isinstance(value, Mapping):
                raise TypeError("must be an object")
            return read(value, members)

        return read_members

    converter.register_structure_hook_factory(lambda type_: attrs.has(type_), reader)
    converter.register_unstructure_hook_factory(lambda type_: attrs.has(type_), writer)
    converter.register_structure_hook_factory(_has_own_documents, own_reader)
    converter.register_unstructure_hook_func(_has_own_documents, lambda value: value.to_dict())
    converter.register_structure_hook_factory(_is_sequence, sequence_reader)
    converter.register_unstructure_hook_func(_is_sequence, lambda items: [*map(converter.unstructure, items)])
    converter.register_structure_hook_factory(_is_mapping, mapping_reader)
    for kind in _NAMES:
        converter.register_structure_hook(kind, _read_plain)
    converter.register_structure_hook(float, _read_number)
    converter.register_structure_hook(datetime, _read_moment)
    converter.register_structure_hook(StrEnum, _read_choice)
    converter.register_unstructure_hook(StrEnum, lambda choice: choice.value)
    converter.register_structure_hook_func(_is_error, _read_error)
    converter.register_unstructure_hook_func(_is_error, error_document)
    return converter


def _has_own_documents(type_: Any) -> bool:
    """Whether a class, such as a plan, reads and writes its documents itself."""
    serializable = isinstance(type_, type) and issubclass(type_, Serializable)
    return serializable and "to_dict" in vars(type_) and "from_dict" in vars(type_)


def _is_sequence(type_: Any) -> bool:
    origin: Any = get_origin(type_)
    return origin in (tuple, Sequence)


def _is_mapping(type_: Any) -> bool:
    origin: Any = get_origin(type_)
    return origin is Mapping


def _is_error(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, Exception)


def error_document(error: Exception) -> dict[str, Any]:
    """What an error says. Of an exception that is not of this package, nobody knows whether something was applied."""
    if isinstance(error, GroupsError):
        return error.to_dict()
    unknown = GroupsError(f"{type(error).__name__}: {error}")
    unknown.maybe_applied = True
    return unknown.to_dict()


def _read_error(value: Any, _: Any) -> GroupsError:
    if not isinstance(value, Mapping):
        raise TypeError("must be an object")
    return GroupsError.from_dict(value)


def _read_plain(value: Any, kind: Any) -> Any:
    if type(value) is not kind:
        raise TypeError(f"must be {_NAMES[kind]}")
    return value


def _read_number(value: Any, _: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError("must be a number")
    return float(value)


def _read_choice(value: Any, kind: Any) -> Any:
    if type(value) is not str or value not in set(kind):
        raise ValueError(f"must be one of {', '.join(kind)}")
    return kind(value)


def _read_moment(value: Any, _: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date and time such as 2026-01-02T09:30:00+00:00") from None
    if moment.tzinfo is None:
        raise ValueError("must say its offset from UTC, such as 2026-01-02T09:30:00+00:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a date and time between the years 1 and 9999 in UTC") from None
