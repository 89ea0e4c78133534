"""The generator: what it writes, and that it refuses what it has no rule for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from groups_sdk._codegen import generator
from groups_sdk._codegen.generator import generate
from groups_sdk._codegen.rules import GenerationError, Kind, Rules

RULES = Rules(
    targets={"shop.shop": "shop.sync_shop", "shop.till": "shop.sync_till", "shop.lists": None},
    kinds={
        "AsyncShop": Kind.CLIENT,
        "AsyncTill": Kind.FACADE,
        "AsyncCoins": Kind.OBJECT,
        "AsyncDrawer": Kind.CONTEXT_MANAGER,
        "AsyncList": Kind.BASE,
        "AsyncBatchIterator": Kind.BY_HAND,
    },
    async_only=("AsyncShop.detached",),
    prose=((r"\basync (?=with|for)", ""), (r"\bawait ", "")),
    client_note="It has a thread.",
)
SHOP = '''
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

import httpx
from shop.lists import AsyncList

if TYPE_CHECKING:
    from shop.till import AsyncTill

LIMIT = 5


class _Shelf:
    pass


class AsyncShop:
    """A shop.

    Example:
        async with AsyncShop("key") as shop:
            print(await shop.price("tea"))
    """

    def __init__(
        self, token: str, *, transport: httpx.AsyncBaseTransport | None = None, http_client: object = None
    ) -> None:
        self._token = token

    async def __aenter__(self) -> Self:
        return self

    async def aclose(self) -> None:
        """Close."""

    @property
    def name(self) -> str:
        """Its name."""
        return os.name

    @property
    def till(self) -> AsyncTill:
        """Its till."""
        return AsyncTill()

    def with_options(self, *, limit: int = 5) -> Self:
        """A copy."""
        return self

    def detached(self) -> Self:
        """A copy for asyncio."""
        return self

    async def price(self, item: str, /, count: int = LIMIT, *, currency: str | None = None) -> float:
        """What it costs.

        Example:
            async for item in shop.goods("tea"):
                print(item)
        """
        return 1.0

    async def order(self, item: str) -> None:
        """Order it from an `AsyncTill`."""

    async def _goods(self) -> None:
        pass
'''
LISTS = '''
from typing import Generic, TypeVar

from groups_sdk._iteration import AsyncBatchIterator

Item = TypeVar("Item")
Total = TypeVar("Total")


class AsyncList(Generic[Item, Total]):
    """A list."""

    def __init__(self, items: list[Item]) -> None:
        self._items = items

    def __aiter__(self) -> AsyncBatchIterator[Item]:
        raise NotImplementedError

    @property
    def total(self) -> Total | None:
        """The total."""
        return None

    async def finish(self) -> list[Item]:
        """All items."""
        return self._items
'''
TILL = '''
from typing import Generic, Self, TypeVar

from shop.lists import AsyncBatchIterator, AsyncList

T = TypeVar("T")


class Coin:
    pass


class AsyncTill:
    """A till."""

    def __init__(self, *coins: Coin) -> None:
        self._coins = coins

    def coins(self, least: int = 1) -> AsyncCoins:
        """What is in it."""
        return AsyncCoins([])


class AsyncCoins(AsyncList[Coin, int]):
    """The coins."""

    def __repr__(self) -> str:
        return "AsyncCoins(...)"

    async def finish(self) -> list[Coin]:
        """All coins."""
        return []

    def drawer(self) -> AsyncDrawer[Coin]:
        """Open it."""
        return AsyncDrawer()

    def counted(self) -> dict[Coin, int]:
        """How many there are."""
        return {}


class AsyncDrawer(Generic[T]):
    """A drawer.

    Example:
        async with coins.drawer() as drawer:
            print(drawer)
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    def all(self) -> AsyncBatchIterator[T]:
        """All of it."""
        raise NotImplementedError
'''
SYNC_SHOP = '''"""The synchronous twin of shop.shop.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import httpx
from shop.shop import LIMIT, AsyncShop

from groups_sdk._portal import Portal
from groups_sdk._public import set_module
from groups_sdk._twins import SyncClient

if TYPE_CHECKING:
    from shop.sync_till import Till


class Shop(SyncClient[AsyncShop]):
    """A shop.

    It has a thread.

    Example:
        with Shop("key") as shop:
            print(shop.price("tea"))
    """

    def __init__(
        self,
        token: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: object = None,
        backend: str = "asyncio",
        backend_options: Mapping[str, Any] | None = None,
    ) -> None:
        given: dict[str, Any] = {"token": token}
        del token  # so that a traceback with locals does not show what is secret
        client = AsyncShop(given.pop("token"), transport=transport, http_client=http_client)
        forkable = transport is None and http_client is None
        super().__init__(Portal(client, backend=backend, backend_options=backend_options, forkable=forkable))

    @property
    def name(self) -> str:
        """Its name."""
        return self._async.name

    @property
    def till(self) -> Till:
        """Its till."""
        from shop.sync_till import Till

        return Till(self._portal, lambda: self._async.till)

    def with_options(self, *, limit: int = 5) -> Self:
        """A copy."""
        return self._copy(lambda client: client.with_options(limit=limit))

    def price(self, item: str, /, count: int = LIMIT, *, currency: str | None = None) -> float:
        """What it costs.

        Example:
            for item in shop.goods("tea"):
                print(item)
        """
        return self._portal.call(self._async.price, item, count, currency=currency)

    def order(self, item: str) -> None:
        """Order it from an `Till`."""
        self._portal.call(self._async.order, item)


set_module("shop", globals(), ["Shop"])
'''
SYNC_TILL = '''"""The synchronous twin of shop.till.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from shop.till import AsyncCoins, AsyncDrawer, AsyncTill, Coin, T

from groups_sdk._iteration import BatchIterator
from groups_sdk._public import set_module
from groups_sdk._twins import SyncContextManager, SyncFacade, SyncObject


class Till(SyncFacade[AsyncTill]):
    """A till."""

    def coins(self, least: int = 1) -> Coins:
        """What is in it."""
        return Coins(self._portal, self._async.coins(least))


class Coins(SyncObject[AsyncCoins]):
    """The coins."""

    def __iter__(self) -> BatchIterator[Coin]:
        return BatchIterator(self._portal.call, aiter(self._async))

    @property
    def total(self) -> int | None:
        """The total."""
        return self._async.total

    def __repr__(self) -> str:
        return repr(self._async).replace("Async", "", 1)

    def finish(self) -> list[Coin]:
        """All coins."""
        return self._portal.call(self._async.finish)

    def drawer(self) -> Drawer[Coin]:
        """Open it."""
        return Drawer(self._portal, self._async.drawer())

    def counted(self) -> dict[Coin, int]:
        """How many there are."""
        return self._async.counted()


class Drawer(SyncContextManager[AsyncDrawer[T]]):
    """A drawer.

    Example:
        with coins.drawer() as drawer:
            print(drawer)
    """

    def all(self) -> BatchIterator[T]:
        """All of it."""
        return BatchIterator(self._portal.call, self._async.all())


set_module("shop", globals(), ["Till", "Coins", "Drawer"])
'''


def written(shop: str = SHOP, till: str = TILL, lists: str = LISTS, rules: Rules = RULES) -> dict[str, str]:
    return generate({"shop.shop": shop, "shop.till": till, "shop.lists": lists}, rules)


def test_the_twins_of_each_kind_of_class_and_method() -> None:
    assert written() == {"shop.sync_shop": SYNC_SHOP, "shop.sync_till": SYNC_TILL}


def in_shop(*lines: str) -> str:
    """The shop with one more method."""
    return SHOP + "\n" + "".join(f"    {line}\n" for line in lines)


def in_drawer(*lines: str) -> str:
    """The drawer with one more method."""
    return TILL + "\n" + "".join(f"    {line}\n" for line in lines)


def buy(signature: str) -> str:
    return in_shop(f"{signature}:", '    """Buy."""')


@pytest.mark.parametrize(
    ("shop", "message"),
    [
        (in_shop("async def buy(self) -> int:", "    return 1"), "AsyncShop.buy: no docstring"),
        (SHOP.replace('    """A shop.', '    x = """A shop.'), "AsyncShop: no docstring"),
        (SHOP.replace("-> float", ""), "AsyncShop.price: no annotation of what it returns"),
        (in_shop("@cache", "async def buy(self) -> int:", '    """Buy."""'), "AsyncShop.buy: no rule"),
        (in_shop("@cache", "def buy(self) -> int:", '    """Buy."""'), "AsyncShop.buy: no rule"),
        (in_shop("@overload", "async def buy(self) -> int:", '    """Buy."""'), "AsyncShop.buy: no rule"),
        (in_shop("@name.setter", "def name(self, new: str) -> None:", '    """New."""'), "name: no rule"),
        (in_shop("@property", "def me(self) -> Self:", '    """Me."""'), "AsyncShop.me: no rule"),
        (buy("async def buy(self) -> Self"), "AsyncShop.buy: no rule"),
        (buy("async def buy(self) -> AsyncTill"), "AsyncShop.buy: no rule"),
        (buy("def buy(self) -> AsyncTill"), "AsyncShop.buy: no rule"),
        (buy("def buy(self) -> AsyncList[int, int]"), "AsyncShop.buy: no rule"),
        (buy("def buy(self) -> list[AsyncTill]"), "AsyncShop.buy: no rule for a method that returns list["),
        (buy("def buy(self) -> Awaitable[int]"), "AsyncShop.buy: no rule for the name Awaitable"),
        (buy("def buy(self) -> abc.Coroutine[int]"), "AsyncShop.buy: no rule for the name Coroutine"),
        (buy("def buy(self) -> AsyncIterator[int]"), "AsyncShop.buy: no rule for the name AsyncIterator"),
        (buy("async def buy(self, item: AsyncItem) -> int"), "no rule for the name AsyncItem"),
        (buy("async def buy(self, item: 'list[AsyncItem]') -> int"), "no rule for the name AsyncItem"),
        (buy("async def buy(self, *item: str) -> int"), "AsyncShop.buy: no rule for *args"),
        (buy("async def buy(self, **item: str) -> int"), "AsyncShop.buy: no rule for *args"),
        (
            in_shop("async def buy(self) -> object:", '    """Buy."""', "    yield 1"),
            "AsyncShop.buy: no rule for this method",
        ),
        (in_shop("def __len__(self) -> int:", "    return 1"), "AsyncShop.__len__: no rule for this special"),
        (in_shop("LIMIT = 5"), "AsyncShop: no rule for 'LIMIT = 5'"),
        (SHOP.replace("class AsyncShop:", "class AsyncShop(Base):"), "AsyncShop: no rule for its base class"),
        (SHOP.replace("class AsyncShop:", "@final\nclass AsyncShop:"), "AsyncShop: no rule for decorators"),
        (SHOP.replace("class AsyncShop:", "class AsyncShop(x=1):"), "AsyncShop: no rule for decorators"),
        (SHOP.replace("class _Shelf", "class AsyncShelf"), "AsyncShelf: no rule for this class"),
        (SHOP.replace("self, token: str, *,", "self, key: str, *,"), "the first parameter is not the token"),
        (SHOP.replace(", http_client: object = None", ""), "AsyncShop.__init__: no parameter http_client"),
        (SHOP.replace("A copy.", "A copy for trio."), "AsyncShop.with_options: 'trio' is left"),
        (SHOP.replace("A copy.", "A copy for AsyncGoods."), "'AsyncGoods' is left in the docstring"),
        (SHOP.replace("A copy.", "A copy for AsyncList."), "'AsyncList' is left in the docstring"),
        (SHOP.replace("A copy.", "A copy: aclose() it."), "'aclose' is left in the docstring"),
        (SHOP.replace("A copy.", "A copy, asyncio too."), "'asyncio' is left in the docstring"),
        (SHOP.replace("A copy.", "A copy, async too."), "'async' is left in the docstring"),
        (SHOP.replace("A copy.", "To be awaited with await."), "'await' is left in the docstring"),
        (SHOP.replace("A copy.", "A copy, see anyio."), "'anyio' is left in the docstring"),
        (SHOP.replace("A copy.", "A \\\\ copy."), "AsyncShop.with_options: no rule for backslashes"),
        (SHOP.replace("print(item)", "print(= item)"), "AsyncShop.price: the example does not compile"),
        (SHOP.replace("print(await ", "print("), "nothing used: \\bawait"),
        (SHOP.replace("detached", "_detached"), "rules that nothing used: AsyncShop.detached"),
        (SHOP.replace("import httpx", ""), "Undefined name `httpx`"),
        (
            SHOP.replace("    from shop.till import AsyncTill", "    Item = int"),
            "no rule for 'Item = int' among the imports",
        ),
    ],
)
def test_what_has_no_rule_is_refused(shop: str, message: str) -> None:
    assert shop != SHOP
    with pytest.raises(GenerationError, match=re.escape(message)):
        written(shop)


@pytest.mark.parametrize(
    ("till", "message"),
    [
        (in_drawer("def copy(self) -> Self:", '    """A copy."""'), "AsyncDrawer.copy: no rule"),
        (TILL.replace('    """The coins."""\n', ""), "AsyncCoins: no docstring"),
        (TILL.replace("AsyncList[Coin, int]", "AsyncList"), "AsyncCoins: no rule for its base classes"),
        (
            TILL.replace("(AsyncList[Coin, int])", "(AsyncList[Coin, int], Base)"),
            "AsyncCoins: no rule for its",
        ),
        (TILL.replace("AsyncDrawer(Generic[T])", "AsyncDrawer(AsyncTill)"), "AsyncDrawer: no rule for its"),
    ],
)
def test_what_has_no_rule_is_refused_in_what_a_client_gives(till: str, message: str) -> None:
    assert till != TILL
    with pytest.raises(GenerationError, match=re.escape(message)):
        written(till=till)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (LISTS.replace("(Generic[Item, Total])", ""), "AsyncList: no rule for its base classes"),
        (
            LISTS.replace("(Generic[Item, Total])", "(Generic[Item, Total], x=1)"),
            "AsyncList: no rule for dec",
        ),
        (LISTS.replace('        """The total."""\n', ""), "AsyncCoins.total: no docstring"),
        (LISTS + "    size = 5\n", "AsyncCoins: no rule for 'size = 5'"),
    ],
)
def test_what_has_no_rule_is_refused_in_a_base_class(lists: str, message: str) -> None:
    assert lists != LISTS
    with pytest.raises(GenerationError, match=re.escape(message)):
        written(lists=lists)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kinds": {**RULES.kinds, "AsyncNobody": Kind.OBJECT}}, "nothing used: AsyncNobody"),
        ({"kinds": {**RULES.kinds, "AsyncList": Kind.OBJECT}}, "AsyncList: no module is written"),
        ({"async_only": (*RULES.async_only, "AsyncShop.sell")}, "nothing used: AsyncShop.sell"),
        ({"prose": (*RULES.prose, ("sells", "buys"))}, "nothing used: sells"),
        ({"targets": {**RULES.targets, "shop.till": None}}, "AsyncTill: no module is written"),
    ],
)
def test_rules_that_do_not_fit_the_sources_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(GenerationError, match=re.escape(message)):
        written(rules=replace(RULES, **change))


def test_a_failure_of_the_formatter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "RUFF", ["--no-such-option"])
    with pytest.raises(GenerationError, match="ruff failed"):
        written()
