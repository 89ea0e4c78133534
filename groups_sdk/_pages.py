"""A page of a listing: its items with the cursors of the pages around it, and what could not be decoded."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar, get_args

import attrs

from groups_sdk._public import set_module
from groups_sdk._responses import ApiResponse, Headers
from groups_sdk._serialization import Document, Serializable, structure
from groups_sdk.errors import shown

__all__ = ["DecodeProblem", "FetchPage", "FetchedPage", "Page"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


def _no_response() -> ApiResponse:
    return ApiResponse(0, Headers(), b"", "", attempts=0)


@attrs.frozen
class DecodeProblem(Serializable):
    """A record of a page that could not be decoded, and was left out (`on_decode_error="skip"`).

    `id` is the record's id, None when it has none. `path` is the place in the page's document that is wrong, such as
    `data[3].attributes.created_at`, and `message` says what is wrong there. `cursor` is the one that the page was asked
    for with; None for the first page. `data` is the record as the API sent it, as JSON values. It may be about a
    person, so neither `repr()` nor `str()` shows it.

    Example:
        async for page in client.list_memberships(group_id, on_decode_error="skip").pages():
            for problem in page.problems:
                print(problem.id, problem.path, problem.message)
    """

    id: str | None
    path: str
    message: str
    cursor: str | None = None
    data: Any = attrs.field(default=None, repr=False, hash=False)

    def __str__(self) -> str:
        which = "a record without an id" if self.id is None else f"the record {shown(self.id)}"
        return f"{which}, at {self.path}: {self.message}"


@attrs.frozen
class Page(Document, Generic[T_co]):
    """One page of a listing.

    `next_cursor` is the `starting_after` of the page that follows and `prev_cursor` the `ending_before` of the one
    in front; None where there is none, an empty string where the API sent a link without a cursor, which nobody can
    follow. They are plain strings that another process can go on from. `response` is the answer that the page came in;
    pages are compared without it, and `to_dict` leaves it out.

    `problems` are the records that are not among the `items` because they could not be decoded. There are none unless
    the listing was called with `on_decode_error="skip"`.
    """

    _not_in_dict: ClassVar[tuple[str, ...]] = ("response",)

    items: Sequence[T_co]
    next_cursor: str | None
    prev_cursor: str | None
    meta: Mapping[str, Any]
    response: ApiResponse = attrs.field(eq=False, factory=_no_response)
    problems: tuple[DecodeProblem, ...] = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], item: type[T]) -> "Page[T]":
        """The page that `to_dict` wrote, of items of that class. Its `response` is empty, with 0 for the status.

        Raises `InvalidArgumentError`, which names the path, when the document is something else.

        Example:
            page = Page.from_dict(page.to_dict(), GroupMembership)
        """
        page: Page[T] = structure(document, Page, Page[item])  # type: ignore[valid-type] # read at run time
        return page

    @classmethod
    def _read(cls, document: Any, source: Any) -> Any:
        return cls.from_dict(document, *(get_args(source) or (Any,)))


@attrs.frozen
class FetchedPage(Generic[T_co]):
    """A page that has come, and whose items are decoded later: its cursors are known, so the next can be asked for.

    `decode` may raise what is wrong with a record.
    """

    next_cursor: str | None
    prev_cursor: str | None
    decode: Callable[[], Page[T_co]]

    @classmethod
    def decoded(cls, page: Page[T]) -> "FetchedPage[T]":
        """One that has been decoded already."""
        return FetchedPage(page.next_cursor, page.prev_cursor, lambda: page)


class FetchPage(Protocol[T_co]):
    """Fetches one page; with neither cursor, the first one.

    `on_sent` is called once the request is on its way, where that can be told, and perhaps again when it is repeated.
    It must not raise.
    """

    def __call__(
        self, *, starting_after: str | None, ending_before: str | None, on_sent: Callable[[], object]
    ) -> Coroutine[Any, Any, FetchedPage[T_co]]: ...


set_module("groups_sdk", globals(), ["DecodeProblem", "Page"])
