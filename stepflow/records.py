"""A record as text and back: JSON with the format's version and a checksum over everything else.

The text is `{"format":4,"sha256":"…","record":{…},"$rest":{…}}`, ASCII, and is read back to the character: whoever
rewrites the JSON, however faithfully, makes it another text, and it is refused. The checksum finds damage; it is no
signature. What only verification reads, most of the text, stands apart: to serve a record again it is not parsed.

A pointer is the text that leads from a request to the record that answers it: `["<record id>","<seal>"]`, where the
seal is a hash of both. One that was copied from another request, or leads to another record, points nowhere.
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
_REST = ',"$rest":'
"""Nothing within can look like it: in a JSON string its quotes have backslashes, and no map of values is written with a
key that begins with a dollar."""
_SERVED = ("id", "rule", "request_key", "origin")
_CHECKED = ("namespace", "skeleton", "signature", "prompt", "final", "verified_under", "model", "tenant")
"""The record's texts: of the first part and of the second."""

_POINTER = re.compile(r'\["([^"\\]+)","([0-9a-f]{16})"\]\Z', re.ASCII)


class UnreadableRecord(ValueError):
    """A text that is not a whole, undamaged record of this version. Its message is a sentence."""


def encode_record(record: Record) -> str:
    """The record as one line of ASCII JSON, from which `decode_record` gives an equal record back.

    Raises `TypeError` or `ValueError` when a field holds something that is not a value of the language.
    """
    served: dict[str, Any] = {name: getattr(record, name) for name in _SERVED}
    served["constraints"] = encode(record.constraints)
    served["let"] = encode(record.let)
    served["value"] = encode(record.value)
    served["steps"] = [[step.text, step.separator] for step in record.steps]
    served["created_at"] = record.created_at
    served["usage"] = record.usage and [record.usage.prompt_tokens, record.usage.completion_tokens]
    checked: dict[str, Any] = {name: getattr(record, name) for name in _CHECKED}
    checked["words"] = record.words
    checked["tags"] = record.tags
    checked["steps"] = [[step.index, step.rest, step.origin, encode(step.fields)] for step in record.steps]
    body = f"{_json(served)}{_REST}{_json(checked)}"
    return f'{{"format":{RECORD_FORMAT},"sha256":"{_checksum(body)}","record":{body}}}'


def decode_record(text: str) -> Record:
    """The record that `encode_record` wrote. Raises `UnreadableRecord` on any other text."""
    return _decoded(text, lambda served, checked: _record(json.loads(served), json.loads(checked)))


def decode_answered(text: str) -> Answered:
    """What is served again of the record that `encode_record` wrote, in a quarter of the time. Raises the same."""
    return _decoded(text, lambda served, _: _answered(json.loads(served)))


def pointer(request_key: str, record_id: str) -> str:
    """The text that leads from exactly this request to this record."""
    return _json([record_id, _seal(request_key, record_id)])


def pointed(text: str, request_key: str) -> str | None:
    """The id of the record that the text leads this request to; None when it is no pointer, or that of another."""
    match = _POINTER.match(text)
    return match[1] if match is not None and match[2] == _seal(request_key, match[1]) else None


def _seal(request_key: str, record_id: str) -> str:
    return _checksum(f"{request_key}\0{record_id}")[:16]


def _decoded(text: str, build: Callable[[str, str], T]) -> T:
    """What `build` makes of the JSON of the record's two parts, once the text is known to be whole."""
    envelope = _ENVELOPE.match(text)
    if envelope is None:
        raise UnreadableRecord("this is not a record, or only a part of one")
    version, checksum, body = envelope.groups()
    if int(version) != RECORD_FORMAT:
        raise UnreadableRecord(f"the record has format {version}, and this version reads format {RECORD_FORMAT}")
    if _checksum(body) != checksum:
        raise UnreadableRecord("the record does not match its checksum: it was damaged or altered")
    served, _, checked = body.partition(_REST)
    try:
        return build(served, checked)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UnreadableRecord(f"the record is not built like one ({type(error).__name__}: {error})") from error


def _checksum(body: str) -> str:
    return sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
"""Values are trees: that none holds itself need not be checked."""


def _record(served: dict[str, Any], checked: dict[str, Any]) -> Record:
    return Record(
        **{name: _text(served[name]) for name in _SERVED},
        **{name: _text(checked[name]) for name in _CHECKED},
        constraints=_mapping(served["constraints"]),
        let=_mapping(served["let"]),
        words=tuple([_text(word) for word in checked["words"]]),
        steps=tuple([_step(*said, *read) for said, read in zip(served["steps"], checked["steps"], strict=True)]),
        created_at=_time(served["created_at"]),
        usage=None if served["usage"] is None else _usage(*served["usage"]),
        value=decode(served["value"]),
        tags=tuple([_text(tag) for tag in checked["tags"]]),
    )


def _answered(served: dict[str, Any]) -> Answered:
    return Answered(
        _text(served["id"]),
        _text(served["rule"]),
        _text(served["request_key"]),
        "".join([text + separator for text, separator in served["steps"]]),
        len(served["steps"]),
        _text(served["origin"]),
        _mapping(served["constraints"]),
        _mapping(served["let"]),
        decode(served["value"]),
        None if served["usage"] is None else _usage(*served["usage"]),
        _time(served["created_at"]),
    )


def _step(text: Any, separator: Any, index: Any, rest: Any, origin: Any, fields: Any) -> Step:
    if {type(text), type(separator), type(rest), type(origin)} != {str}:
        raise TypeError(f"{[text, separator, rest, origin]!r} are not all texts")
    return Step(_whole(index), text, separator, _mapping(fields), rest, origin)


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
    if not isinstance(value, dict):
        raise TypeError(f"{data!r} stands where a map belongs")
    return value
