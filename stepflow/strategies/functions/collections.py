"""Functions on lists and maps. Values are compared by meaning: 1/2 is 0.5, and true is not 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepflow.notation import Missing
from stepflow.values import describe, identity, is_number, show

MAX_TEXT = 1_000_000


def length(value: Any) -> int:
    """How many items a list, members a map, or characters a text has.

    Examples:
        length([1, 2]) == 2
        'abc' | length == 3
    """
    if not isinstance(value, list | tuple | str | Mapping):
        raise ValueError(f"length: {describe(value)} has no length")
    return len(value)


def count(container: Any, item: Any) -> int:
    """How often an item stands in a list, or a text in a text.

    Examples:
        count([1, 2, 1], 1) == 2
        count('banana', 'an') == 2
    """
    if isinstance(container, str) and isinstance(item, str):
        if not item:
            raise ValueError("count: the text to count is empty")
        return container.count(item)
    wanted = identity(item)
    return sum(identity(each) == wanted for each in _list(container, "count"))


def first(items: Any) -> Any:
    """The first item of a list. Missing when the list is empty.

    Examples:
        first([3, 4]) == 3
    """
    if not _list(items, "first"):
        raise Missing("first: the list is empty")
    return items[0]


def last(items: Any) -> Any:
    """The last item of a list. Missing when the list is empty.

    Examples:
        [3, 4] | last == 4
    """
    if not _list(items, "last"):
        raise Missing("last: the list is empty")
    return items[-1]


def reverse(value: Any) -> Any:
    """A list or text back to front.

    Examples:
        reverse([1, 2]) == [2, 1]
        reverse('ab') == 'ba'
    """
    return value[::-1] if isinstance(value, str) else tuple(reversed(_list(value, "reverse")))


def unique(items: Any) -> tuple[Any, ...]:
    """The items of a list, each once, in their first order.

    Examples:
        unique([2, 1, 2]) == [2, 1]
    """
    seen: dict[Any, Any] = {}
    for each in _list(items, "unique"):
        seen.setdefault(identity(each), each)
    return tuple(seen.values())


def duplicates(items: Any) -> tuple[Any, ...]:
    """The items that a list holds more than once, each once, in their first order.

    Examples:
        duplicates(['a', 'b', 'a']) == ['a']
    """
    counts = Counter(identity(each) for each in _list(items, "duplicates"))
    return tuple(each for each in unique(items) if counts[identity(each)] > 1)


def in_order(items: Any, descending: Any = False, ignore_case: Any = False) -> tuple[Any, ...]:
    """The items of a list of numbers, or of texts, from small to large. `sort` is another name.

    Texts are compared character by character, capitals before small letters unless `ignore_case`.

    Examples:
        sorted([2, 1.5, 3]) == [1.5, 2, 3]
        ['b', 'a'] | sort == ['a', 'b']
        sorted([1, 2], descending=true) == [2, 1]
        sorted(['b', 'C', 'a'], ignore_case=true) == ['a', 'b', 'C']
    """
    values = _list(items, "sorted")
    if not (all(is_number(each) for each in values) or all(isinstance(each, str) for each in values)):
        raise ValueError("sorted: the list must hold numbers only, or texts only")
    key = (lambda each: each.casefold() if isinstance(each, str) else each) if ignore_case else None
    return tuple(sorted(values, key=key, reverse=bool(descending)))


def join(items: Any, separator: Any = ", ") -> str:
    """The items of a list as one text, each as a template would show it.

    Examples:
        join([1, 1/2]) == '1, 0.5'
        ['a', 'b'] | join('-') == 'a-b'
    """
    values = _list(items, "join")
    if not isinstance(separator, str):
        raise ValueError(f"join: the separator {describe(separator)} is not a text")
    shown = [show(each) for each in values]
    if sum(map(len, shown)) + len(separator) * len(shown) > MAX_TEXT:
        raise ValueError(f"join: a text of more than {MAX_TEXT:,} characters")
    return separator.join(shown)


def as_list(value: Any) -> tuple[Any, ...]:
    """A list as itself, the characters of a text, or the keys of a map.

    Examples:
        list('ab') == ['a', 'b']
    """
    return tuple(value) if isinstance(value, str | Mapping) else tuple(_list(value, "list"))


def lookup(table: Any, key: Any) -> Any:
    """The entry of a table under a key. Missing, naming the key, when there is none.

    Examples:
        lookup({'km': 1000}, 'km') == 1000
        lookup({'km': 1000}, 'mile') | default(0) == 0
    """
    entries = _map(table, "lookup")
    if isinstance(key, str | int) and key in entries:
        return entries[key]
    raise Missing(f"lookup: the table has no entry for {describe(key)}")


def translate(value: Any, table: Any) -> Any:
    """A value, or each item of a list, as a table says; what the table does not hold stays. Case does not count.

    Examples:
        translate(['pos', 'other'], {'Pos': 'positive'}) == ['positive', 'other']
    """
    if not isinstance(table, Mapping):
        raise ValueError(f"translate: {describe(table)} is not a table")
    folded = {key.casefold(): entry for key, entry in table.items() if isinstance(key, str)}
    if isinstance(value, list | tuple):
        return tuple(translate(item, table) for item in value)
    return folded.get(value.casefold(), value) if isinstance(value, str) else value


def gather(value: Any, key: Any) -> tuple[Any, ...]:
    """Everything that stands under a key, at any depth of maps and lists, also within what was found, in order.

    Examples:
        gather({'a': {'enum': [1]}, 'b': [{'enum': 2}, {'c': 3}]}, 'enum') == [[1], 2]
        gather({'a': {'a': 1}}, 'a') == [{'a': 1}, 1]
    """
    if isinstance(value, Mapping):
        return tuple(
            found for name, part in value.items() for found in (*((part,) if name == key else ()), *gather(part, key))
        )
    return tuple(found for part in value for found in gather(part, key)) if isinstance(value, list | tuple) else ()


def fill_keys(items: Any, value: Any) -> dict[str, Any]:
    """A map that holds the same value under every item of a list, such as the properties of a JSON Schema.

    Examples:
        fill_keys(['a', 'b'], {'type': 'string'}) == {'a': {'type': 'string'}, 'b': {'type': 'string'}}
    """
    listed = _list(items, "fill_keys")
    if not all(isinstance(item, str) for item in listed):
        raise ValueError("fill_keys: keys are texts")
    return dict.fromkeys(listed, value)


def has(table: Any, key: Any) -> bool:
    """Whether a map has a key.

    Examples:
        has({'a': none}, 'a')
        not has({'a': 1}, 'b')
    """
    return isinstance(key, str | int) and key in _map(table, "has")


def keys(table: Any) -> tuple[Any, ...]:
    """The keys of a map, in its order.

    Examples:
        keys({'b': 1, 'a': 2}) == ['b', 'a']
    """
    return tuple(_map(table, "keys"))


def keys_with(table: Any, name: Any, *wanted: Any) -> tuple[str, ...]:
    """The keys of a map of maps whose map has one of these values under a name, in order.

    Examples:
        keys_with({'a': {'type': 'number'}, 'b': {'type': 'text'}, 'c': {}}, 'type', 'number', 'integer') == ['a']
    """
    members = _map(table, "keys_with")
    found = []
    for key, member in members.items():
        if isinstance(member, Mapping) and name in member and contains(wanted, member[name]):
            found.append(key)
    return tuple(found)


def values(table: Any) -> tuple[Any, ...]:
    """The values of a map, in its order.

    Examples:
        values({'b': 1, 'a': 2}) == [1, 2]
    """
    return tuple(_map(table, "values").values())


def pick(table: Any, wanted: Any) -> Mapping[Any, Any]:
    """The members of a map with these keys, in the order of the keys; keys that it does not have are left out.

    Examples:
        pick({'a': 1, 'b': 2}, ['b', 'c']) == {'b': 2}
    """
    entries = _map(table, "pick")
    return {key: entries[key] for key in _list(wanted, "pick") if isinstance(key, str | int) and key in entries}


def contains(items: Any, item: Any) -> bool:
    """Whether a list holds an item.

    Examples:
        contains([1, 0.5], 1/2)
        not contains([true], 1)
    """
    wanted = identity(item)
    return any(identity(each) == wanted for each in _list(items, "contains"))


def same_items(a: Any, b: Any) -> bool:
    """Whether two lists hold the same items equally often, in any order.

    Examples:
        same_items([1, 2, 2], [2, 1, 2])
        not same_items([1, 2], [1, 2, 2])
    """
    return Counter(map(identity, _list(a, "same_items"))) == Counter(map(identity, _list(b, "same_items")))


def subset(a: Any, b: Any) -> bool:
    """Whether every item of the first list stands in the second.

    Examples:
        subset([1, 1], [2, 1])
        not subset([1, 3], [1, 2])
    """
    return set(map(identity, _list(a, "subset"))) <= set(map(identity, _list(b, "subset")))


def without(a: Any, b: Any) -> tuple[Any, ...]:
    """The items of the first list that do not stand in the second, in order.

    Examples:
        without([1, 2, 3], [2]) == [1, 3]
    """
    dropped = set(map(identity, _list(b, "without")))
    return tuple(each for each in _list(a, "without") if identity(each) not in dropped)


def index_of(items: Any, item: Any) -> int:
    """Where an item stands first in a list, counted from 1. Missing when it is not there.

    Examples:
        index_of(['a', 'b'], 'b') == 2
    """
    wanted = identity(item)
    for position, each in enumerate(_list(items, "index_of"), start=1):
        if identity(each) == wanted:
            return position
    raise Missing(f"index_of: the list does not hold {describe(item)}")


def any_of(items: Any) -> bool:
    """Whether at least one item of a list is true, or makes a condition true.

    Examples:
        any([false, true])
        not any([])
        any(n in [1, 2, 3], n > 2)
    """
    return any(_list(items, "any"))


def all_of(items: Any) -> bool:
    """Whether every item of a list is true, or makes a condition true; so it is of an empty list.

    Examples:
        all([true, true])
        not all([true, false])
        all(n in [1, 2, 3], n > 0)
    """
    return all(_list(items, "all"))


def _list(value: Any, function: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{function}: {describe(value)} is not a list")
    return value


def _map(value: Any, function: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{function}: {describe(value)} is not a map")
    return value


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "length": length,
    "count": count,
    "first": first,
    "last": last,
    "reverse": reverse,
    "unique": unique,
    "duplicates": duplicates,
    "sorted": in_order,
    "sort": in_order,
    "join": join,
    "list": as_list,
    "lookup": lookup,
    "translate": translate,
    "gather": gather,
    "fill_keys": fill_keys,
    "has": has,
    "keys": keys,
    "keys_with": keys_with,
    "values": values,
    "pick": pick,
    "contains": contains,
    "same_items": same_items,
    "subset": subset,
    "without": without,
    "index_of": index_of,
    "any": any_of,
    "all": all_of,
}
