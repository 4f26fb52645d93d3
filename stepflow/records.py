"""A record as text and back: JSON with the format's version and a checksum over everything else.

The text is `{"format":3,"sha256":"…","record":{…},"$fields":[…]}`, ASCII, and is read back to the character: whoever
rewrites the JSON, however faithfully, makes it another text, and it is refused. The checksum finds damage; it is no
signature. The fields of the steps, often most of the text, stand apart: to serve a record again they are not parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, TypeVar

from stepflow.fingerprint import RECORD_FORMAT
from stepflow.model import Answered, Record, Step, Usage
from stepflow.values import decode, encode

T = TypeVar("T")

_ENVELOPE = re.compile(r'\{"format":(\d{1,9}),"sha256":"([0-9a-f]{64})","record":(.*)\}\Z', re.DOTALL | re.ASCII)
_FIELDS = ',"$fields":'
"""Nothing within can look like it: in a JSON string its quotes have backslashes, and no map of values is written with a
key that begins with a dollar."""
_TEXTS = (
    "id",
    "rule",
    "namespace",
    "skeleton",
    "signature",
    "request_key",
    "prompt",
    "origin",
    "final",
    "verified_under",
    "model",
    "tenant",
)


class UnreadableRecord(ValueError):
    """A text that is not a whole, undamaged record of this version. Its message is a sentence."""


def encode_record(record: Record) -> str:
    """The record as one line of ASCII JSON, from which `decode_record` gives an equal record back.

    Raises `TypeError` or `ValueError` when a field holds something that is not a value of the language.
    """
    data = {name: getattr(record, name) for name in _TEXTS}
    data["constraints"] = encode(record.constraints)
    data["let"] = encode(record.let)
    data["value"] = encode(record.value)
    data["words"] = record.words
    data["steps"] = [_encode_step(step) for step in record.steps]
    data["created_at"] = record.created_at
    data["usage"] = record.usage and [record.usage.prompt_tokens, record.usage.completion_tokens]
    fields = [encode(step.fields) for step in record.steps]
    body = f"{_json(data)}{_FIELDS}{_json(fields)}"
    return f'{{"format":{RECORD_FORMAT},"sha256":"{_checksum(body)}","record":{body}}}'


def decode_record(text: str) -> Record:
    """The record that `encode_record` wrote. Raises `UnreadableRecord` on any other text."""
    return _decoded(text, lambda main, fields: _record(json.loads(main), json.loads(fields)))


def decode_answered(text: str) -> Answered:
    """What is served again of the record that `encode_record` wrote, in a third of the time. Raises the same."""
    return _decoded(text, lambda main, _: _answered(json.loads(main)))


def _decoded(text: str, build: Callable[[str, str], T]) -> T:
    """What `build` makes of the record's JSON and that of its steps' fields, once the text is known to be whole."""
    envelope = _ENVELOPE.match(text)
    if envelope is None:
        raise UnreadableRecord("this is not a record, or only a part of one")
    version, checksum, body = envelope.groups()
    if int(version) != RECORD_FORMAT:
        raise UnreadableRecord(f"the record has format {version}, and this version reads format {RECORD_FORMAT}")
    if _checksum(body) != checksum:
        raise UnreadableRecord("the record does not match its checksum: it was damaged or altered")
    main, _, fields = body.partition(_FIELDS)
    try:
        return build(main, fields)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UnreadableRecord(f"the record is not built like one ({type(error).__name__}: {error})") from error


def _checksum(body: str) -> str:
    return sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _encode_step(step: Step) -> list[Any]:
    return [step.index, step.text, step.separator, step.rest, step.origin]


def _record(data: dict[str, Any], fields: list[Any]) -> Record:
    return Record(
        **{name: _text(data[name]) for name in _TEXTS},
        constraints=_mapping(data["constraints"]),
        let=_mapping(data["let"]),
        words=tuple(_text(word) for word in data["words"]),
        steps=tuple([_step(_mapping(each), *parts) for parts, each in zip(data["steps"], fields, strict=True)]),
        created_at=_time(data["created_at"]),
        usage=None if data["usage"] is None else _usage(*data["usage"]),
        value=decode(data["value"]),
    )


def _answered(data: dict[str, Any]) -> Answered:
    return Answered(
        _text(data["id"]),
        _text(data["rule"]),
        _text(data["request_key"]),
        "".join([text + separator for _, text, separator, _, _ in data["steps"]]),
        len(data["steps"]),
        _text(data["origin"]),
        _mapping(data["constraints"]),
        _mapping(data["let"]),
        decode(data["value"]),
        None if data["usage"] is None else _usage(*data["usage"]),
        _time(data["created_at"]),
    )


def _step(fields: Mapping[str, Any], index: Any, text: Any, separator: Any, rest: Any, origin: Any) -> Step:
    if {type(text), type(separator), type(rest), type(origin)} != {str}:
        raise TypeError(f"{[text, separator, rest, origin]!r} are not all texts")
    return Step(_whole(index), text, separator, fields, rest, origin)


def _usage(prompt_tokens: Any, completion_tokens: Any) -> Usage:
    return Usage(_whole(prompt_tokens), _whole(completion_tokens))


def _text(data: Any) -> Any:
    if not isinstance(data, str):
        raise TypeError(f"{data!r} stands where text belongs")
    return data


def _time(data: Any) -> float:
    if not isinstance(data, int | float):
        raise TypeError("created_at is not a number")
    return data


def _whole(data: Any) -> int:
    if not isinstance(data, int):
        raise TypeError(f"{data!r} stands where a whole number belongs")
    return data


def _mapping(data: Any) -> Mapping[str, Any]:
    value = decode(data)
    if not isinstance(value, Mapping):
        raise TypeError(f"{data!r} stands where a map belongs")
    return value
