"""Public classes as types that pydantic knows: validated with `from_dict`, written with `to_dict`.

Nothing here is called unless pydantic asks for it, and nothing else imports pydantic.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

__all__ = ["core_schema", "json_schema"]


def core_schema(
    cls: type[Any],
    source: Any,
    members: Mapping[str, tuple[Any, bool]],
    read: Callable[[Any, Any], Any],
    handler: GetCoreSchemaHandler,
) -> CoreSchema:
    """The schema of a class whose `to_dict` has these members: the type of each, and whether it must be there.

    `source` is the class as it was written, such as `Page[Group]`, and `read` makes such an object of a dict.
    """
    from pydantic_core import core_schema as schemas

    items = dict(zip(getattr(cls, "__parameters__", ()), get_args(source), strict=False))
    fields = {
        name: schemas.typed_dict_field(_member_schema(_with(items, type_), handler), required=required)
        for name, (type_, required) in members.items()
    }

    def validate(value: Any, _: Any) -> Any:
        return value if isinstance(value, cls) else read(value, source)

    # Of the schema of the dict only the JSON schema is made: `validate` does not ask it.
    return schemas.no_info_wrap_validator_function(
        validate,
        schemas.typed_dict_schema(fields, extra_behavior="forbid"),
        ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}{_suffix(items.values())}",
        serialization=schemas.plain_serializer_function_ser_schema(_write),
    )


def json_schema(cls: type[Any], schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """The JSON schema of a class, with the first paragraph of its docstring."""
    found = handler(schema)
    document = handler.resolve_ref_schema(found)
    document["title"] = cls.__name__
    document["description"] = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return found


def _write(value: Any) -> Any:
    return value.to_dict()


def _with(items: Mapping[Any, Any], type_: Any) -> Any:
    """The type, with what stands for the type variables in it."""
    parameters = getattr(type_, "__parameters__", ())
    return type_[tuple(items.get(parameter, Any) for parameter in parameters)] if parameters else type_


def _suffix(types: Any) -> str:
    """What tells `Page[Group]` from `Page[User]`, in the form in which pydantic writes it."""
    names = [
        f"{type_.__module__}.{type_.__qualname__}:{id(type_)}" for type_ in types if isinstance(type_, type)
    ]
    return f"[{','.join(names)}]" if names else ""


def _member_schema(type_: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """The schema of a member. Errors, which pydantic does not know, are dicts."""
    from pydantic_core import core_schema as schemas

    if not _has_errors(type_):
        return handler.generate_schema(type_)
    inner = [_member_schema(arg, handler) for arg in get_args(type_) if arg not in (NoneType, ...)]
    if get_origin(type_) in (tuple, Sequence):
        return schemas.list_schema(inner[0])
    if get_origin(type_) in (Union, UnionType):
        return schemas.nullable_schema(inner[0])
    text, flag = schemas.str_schema(), schemas.bool_schema()
    fields = {
        "type": text,
        "message": text,
        "status_code": schemas.nullable_schema(schemas.int_schema()),
        "request_id": schemas.nullable_schema(text),
        "maybe_applied": flag,
        "applied": flag,
    }
    return schemas.typed_dict_schema(
        {name: schemas.typed_dict_field(field) for name, field in fields.items()}
    )


def _has_errors(type_: Any) -> bool:
    if isinstance(type_, type) and issubclass(type_, Exception):
        return True
    return any(map(_has_errors, get_args(type_)))
