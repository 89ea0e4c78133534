"""The body of each kind of method: one statement that forwards to the asynchronous object."""

from __future__ import annotations

import ast

from groups_sdk._codegen.rules import GenerationError, Kind

__all__ = ["PORTAL_PARAMETERS", "SPECIAL", "Method", "client_init", "forwarding"]

Method = ast.AsyncFunctionDef | ast.FunctionDef

SPECIAL = {"__aiter__": "__iter__", "__repr__": "__repr__"}  # and the names of their twins
PORTAL_PARAMETERS = "backend: str = 'asyncio', backend_options: Mapping[str, Any] | None = None"
SECRETS = ("proxy", "cert")  # besides the token
HANDED_IN = ("transport", "http_client")  # whose connections a forked child must not use


def forwarding(node: Method, owner: Kind, returns: str, given: Kind | None) -> str:
    """The statement for a method of a class of the kind `owner`, whose twin returns a twin of the kind `given`."""
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    arguments = _passed_on(node.args)
    target = f"self._async.{node.name}"
    match node, decorators, given:
        case ast.FunctionDef("__aiter__"), [], Kind.BY_HAND:
            value = f"{_class_of(returns)}(self._portal.call, aiter(self._async))"
        case ast.FunctionDef("__repr__"), [], None:
            value = 'repr(self._async).replace("Async", "", 1)'
        case _ if node.name.startswith("__"):
            raise GenerationError("no rule for this special method")
        case ast.AsyncFunctionDef(), [], None if returns != "Self" and not _yields(node):
            value = f"self._portal.call({', '.join([target, *arguments])})"
        case ast.FunctionDef(), ["property"], Kind.FACADE:
            value = f"{returns}(self._portal, lambda: {target})"
        case ast.FunctionDef(), ["property"], None if returns != "Self":
            value = target
        case ast.FunctionDef(), [], Kind.BY_HAND:
            value = f"{_class_of(returns)}(self._portal.call, {target}({', '.join(arguments)}))"
        case ast.FunctionDef(), [], Kind.OBJECT | Kind.CONTEXT_MANAGER:
            value = f"{_class_of(returns)}(self._portal, {target}({', '.join(arguments)}))"
        case ast.FunctionDef(), [], None if returns == "Self" and owner is Kind.CLIENT:
            value = f"self._copy(lambda client: client.{node.name}({', '.join(arguments)}))"
        case ast.FunctionDef(), [], None if returns != "Self":
            value = f"{target}({', '.join(arguments)})"
        case _:
            raise GenerationError(f"no rule for this method, which returns {returns}")
    return value if returns == "None" else f"return {value}"


def client_init(node: Method, client: str) -> str:
    """The body of a client's `__init__`."""
    first, *others = _passed_on(node.args)
    if first != "token":
        raise GenerationError("the first parameter is not the token")
    if missing := [name for name in HANDED_IN if f"{name}={name}" not in others]:
        raise GenerationError(f"no parameter {' and no '.join(missing)}")
    secrets = ["token", *(name for name in SECRETS if f"{name}={name}" in others)]
    passed_on = {f"{name}={name}": f"{name}=given.pop({name!r})" for name in secrets}
    arguments = ["given.pop('token')", *(passed_on.get(other, other) for other in others)]
    return (
        f"given: dict[str, Any] = {{{', '.join(f'{name!r}: {name}' for name in secrets)}}}\n"
        f"del {', '.join(secrets)}  # so that a traceback with locals does not show what is secret\n"
        f"client = {client}({', '.join(arguments)})\n"
        f"forkable = {' and '.join(f'{name} is None' for name in HANDED_IN)}\n"
        "super().__init__(Portal(client, backend=backend, backend_options=backend_options, forkable=forkable))"
    )


def _passed_on(args: ast.arguments) -> list[str]:
    """The arguments that pass every parameter on."""
    if args.vararg or args.kwarg:
        raise GenerationError("no rule for *args and **kwargs")
    positional = [arg.arg for arg in (*args.posonlyargs, *args.args)][1:]
    return positional + [f"{arg.arg}={arg.arg}" for arg in args.kwonlyargs]


def _class_of(annotation: str) -> str:
    return annotation.partition("[")[0]


def _yields(node: Method) -> bool:
    return any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(node))
