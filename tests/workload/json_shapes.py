"""What a JSON request asks for, and the subjects that people ask about."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Literal

Type = Literal["string", "integer", "number", "boolean", "list", "strings", "object"]


@dataclass(frozen=True, slots=True)
class Key:
    """A required key, the type asked for it (None: any), and the keys asked inside it."""

    name: str
    type: Type | None = None
    inner: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """What must hold. `count`: an array of that many objects; `closed`: no keys but these; `forbidden`: nowhere."""

    keys: tuple[Key, ...]
    count: int | None = None
    forbidden: tuple[str, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What the JSON is about. `tag` is a name that honest replies about it hold; `plural` is used for arrays."""

    about: str
    tag: str
    plural: str
    keys: dict[str, Type] = field(hash=False)
    outer: str = "address"
    inner: tuple[str, ...] = ("street", "zip", "city")
    unwanted: tuple[str, ...] = ("email", "password", "phone", "internal_id")


_PERSON: dict[str, Type] = {
    "name": "string",
    "age": "integer",
    "city": "string",
    "active": "boolean",
    "tags": "strings",
}
_ANIMAL: dict[str, Type] = {
    "name": "string",
    "breed": "string",
    "age": "integer",
    "weight": "number",
    "toys": "strings",
}
_PRODUCT: dict[str, Type] = {
    "id": "integer",
    "title": "string",
    "price": "number",
    "in_stock": "boolean",
    "tags": "list",
}
_ACCOUNT: dict[str, Type] = {
    **{"firstName": "string", "lastName": "string", "userId": "integer"},
    **{"isActive": "boolean", "favoriteColors": "strings"},
}
_BOOK: dict[str, Type] = {
    "title": "string",
    "author": "string",
    "year": "integer",
    "rating": "number",
    "genres": "list",
}
_PLACE: dict[str, Type] = {"name": "string", "country": "string", "population": "integer", "area_km2": "number"}

SUBJECTS: tuple[Subject, ...] = (
    Subject(
        "about a dog named Rex", "Rex", "dogs", _ANIMAL, "owner", ("name", "phone_number"), ("color", "chip_number")
    ),
    Subject(
        "about a cat named Luna", "Luna", "cats", _ANIMAL, "owner", ("name", "phone_number"), ("color", "chip_number")
    ),
    Subject("for a user profile", "profile", "users", _PERSON),
    Subject("for an employee called Maria", "Maria", "employees", _PERSON),
    Subject("describing a customer", "customer", "customers", _PERSON),
    Subject(
        "for a wireless mouse", "mouse", "products", _PRODUCT, "vendor", ("company", "website"), ("cost", "discount")
    ),
    Subject(
        "describing a coffee mug", "mug", "products", _PRODUCT, "vendor", ("company", "website"), ("cost", "discount")
    ),
    Subject(
        "for a new account", "account", "accounts", _ACCOUNT, "homeAddress", ("street", "zipCode"), ("passwordHash",)
    ),
    Subject("about the novel Dune", "Dune", "novels", _BOOK, "publisher", ("name", "city"), ("isbn", "price")),
    Subject("about a cookbook", "cookbook", "cookbooks", _BOOK, "publisher", ("name", "city"), ("isbn", "price")),
    Subject(
        "about the city of Oslo", "Oslo", "cities", _PLACE, "mayor", ("name", "party"), ("postal_code", "elevation")
    ),
)


def random_shape(rng: Random, needs: str, subject: Subject) -> Shape:
    """A shape for a wording that needs it plain, typed, nested, array, forbidden, closed, or two of these."""
    names = rng.sample(list(subject.keys), rng.randint(2, min(4, len(subject.keys))))
    keys = tuple(Key(name, subject.keys[name] if needs.startswith("typed") else None) for name in names)
    if needs == "nested":
        inner = rng.sample(subject.inner, rng.randint(2, len(subject.inner)))
        keys = (*keys, Key(subject.outer, "object", tuple(Key(name) for name in inner)))
    count = rng.randint(2, 5) if needs in ("array", "typed_array") else None
    unused = [name for name in subject.unwanted if name not in names]
    forbidden = tuple(rng.sample(unused, rng.randint(1, min(2, len(unused))))) if needs == "forbidden" else ()
    return Shape(keys, count, forbidden, needs in ("closed", "typed_closed"))
