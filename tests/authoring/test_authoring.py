"""Rules written from the documentation alone: whatever a model replies, nothing wrong passes for right.

For every rule there are seeded variants of a prompt that was answered before: reworded, one value changed, direction
or polarity reversed, an item added or removed, the topic changed. The judges share nothing with the rules: each works
out from the request what a right answer is, with the standard library only.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest

import stepflow
from stepflow.compiler.gathering import one_look

HERE = Path(__file__).parent
RULES = [
    *("action-list", "dated-schedule", "glossary-translation", "interface-texts", "recipe-scaling", "rota"),
    *("service-config", "weekly-cron"),
]
CHANGES = ["reworded", "value", "reversed", "added", "removed", "topic"]
VARIANTS = 42
MALFORMED = [
    "...",
    "Sorry, I cannot help with that.",
    '{"answer": 1}',
    "```\n```",
    "1.",
    "- \n- \n- ",
    "undefined",
    "|",
]

Request = dict[str, Any]


class Schedule:
    """Dates of sessions: the request is how many, every how many days, from when on, and whether weekends count."""

    KINDS = ("sessions", "lessons", "meetings", "visits")
    LABELS = ("session", "lesson", "meeting", "visit")
    TOPICS = ("yoga", "piano", "chess club", "")
    MONTHS: ClassVar[dict[str, int]] = {f"{date(2026, month, 1):%B}".lower(): month for month in range(1, 13)}
    FORMS = (
        (r"(\d{4})-(\d\d)-(\d\d)", lambda found: (int(found[1]), int(found[2]), int(found[3]))),
        (r"(\d+) ([a-z]+) (\d{4})", lambda found: (int(found[3]), Schedule.MONTHS[found[2]], int(found[1]))),
        (r"([a-z]+) (\d+), (\d{4})", lambda found: (int(found[3]), Schedule.MONTHS[found[1]], int(found[2]))),
    )
    WORDS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

    def request(self, rng: Random) -> Request:
        start = date(2026, 1, 1) + timedelta(days=rng.randrange(700))
        while start.weekday() > 4:
            start += timedelta(days=1)
        return {
            "count": rng.randint(3, 8),
            "every": rng.randint(2, 9),
            "start": start,
            "working": rng.random() < 0.5,
            "kind": rng.randrange(4),
            "topic": rng.randrange(4),
            "wording": 0,
        }

    def change(self, request: Request, how: str, rng: Random) -> None:
        if how == "reworded":
            request["wording"] = rng.choice([1, 2, 3])
        elif how == "value":
            request["every"] = request["every"] % 9 + 2
        elif how == "reversed":
            request["working"] = not request["working"]
        elif how in ("added", "removed"):
            request["count"] += 1 if how == "added" else -1
        else:
            request["topic"] = (request["topic"] + 1) % 4
            request["kind"] = (request["kind"] + 1) % 4

    def prompt(self, request: Request) -> str:
        what = f"{self.TOPICS[request['topic']]} {self.KINDS[request['kind']]}".strip()
        start, count, every = request["start"], request["count"], request["every"]
        long = f"{start:%B} {start.day}, {start.year}"
        day = f"{start.day} {start:%B} {start.year}"
        working = "working days" if request["working"] else "days"
        without = "skipping weekends" if request["working"] else "including weekends"
        return [
            f"Plan {count} {what} every {every} {working} starting {start}.",
            f"Could you list the dates for {self.WORDS[count]} {what}, {every} {working} apart, beginning on {long}?",
            f"Please schedule {count} {what} every {every} days from {day}, {without}.",
            f"I need the dates of {count} {what}: the first on {long}, then one each {every} {working}."
            if request["working"]
            else f"Give me dates for {count} {what} every {every} days. First one: {day}. Weekends included.",
        ][request["wording"]].replace(", then one each", ", one every")

    def days(self, request: Request, working: bool | None = None) -> list[date]:
        working = request["working"] if working is None else working
        days = [request["start"]]
        while len(days) < request["count"]:
            day, left = days[-1], request["every"]
            while left:
                day += timedelta(days=1)
                left -= not working or day.weekday() < 5
            days.append(day)
        return days

    def right(self, request: Request, rng: Random) -> str:
        return self.text(self.days(request), rng.randrange(4))

    def text(self, days: list[date], form: int = 0) -> str:
        return "\n".join(
            [
                f"{number}. {day}",
                f"{number}. {day:%A}, {day.day} {day:%B} {day.year}",
                f"- {day:%B} {day.day}, {day.year}",
                f"Session {number}: {day}",
            ][form]
            for number, day in enumerate(days, 1)
        )

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        days = self.days(request)
        place = rng.randrange(len(days))
        day = days[place]
        yield self.text([*days[:place], day + timedelta(days=rng.choice([-7, -1, 1, 2])), *days[place + 1 :]])
        yield self.text(self.days(request, not request["working"]))
        yield self.text(days[:-1])
        yield self.text([*days, days[-1] + timedelta(days=request["every"])])
        yield self.text(days[::-1])
        yield self.text([each + timedelta(days=1) for each in days])
        yield self.text(days).replace(str(day), f"{day + timedelta(days=1):%A}, {day.day} {day:%B} {day.year}")
        yield self.text(days).replace(str(day), f"not {day}")
        yield self.text(days).replace(str(day), "2026-02-30")
        yield self.text(days).replace(str(day), f"{day} or {day + timedelta(days=1)}")
        yield self.text(days) + "\nThe last one is cancelled."
        yield self.text(days).replace(str(day), f"{day}?")
        yield self.text(days, 3).replace(f"Session {place + 1}:", f"Session {place + 2}:")

    def judge(self, request: Request, answer: str) -> bool:
        lines = [line for line in answer.splitlines() if line.strip()]
        allowed = {*self.LABELS, *self.TOPICS[request["topic"]].split(), "on", "the", "is", "and"}
        found = []
        for number, line in enumerate(lines, 1):
            rest = re.sub(r"^\s*(?:\d+[.)]|-)\s+", "", line).lower()
            rest = re.sub(rf"\b(?:{'|'.join(self.LABELS)}) {number}\b", "", rest)
            hits = [(match, read) for form, read in self.FORMS for match in re.finditer(form, rest)]
            if len(hits) != 1:
                return False
            match, read = hits[0]
            try:
                day = date(*read(match))
            except (ValueError, KeyError):
                return False
            rest = (rest[: match.start()] + rest[match.end() :]).replace(f"{day:%A}".lower(), "")
            if set(re.findall(r"\w+", rest)) - allowed or "?" in rest:
                return False
            found.append(day)
        return found == self.days(request)


class Recipe:
    """Ingredients scaled: the request is a table of them, and from how many servings to how many."""

    POOL = (
        *(("flour", "g"), ("milk", "cup"), ("eggs", ""), ("sugar", "tbsp"), ("butter", "g"), ("salt", "tsp")),
        *(("brown rice", "cup"), ("lentils", "g"), ("onions", ""), ("olive oil", "tbsp"), ("water", "ml")),
    )
    AMOUNTS = ("1", "2", "3", "300", "1/2", "1/3", "3/4", "1 1/2", "2.5", "0.25", "7")

    def request(self, rng: Random) -> Request:
        rows = [[*each, rng.choice(self.AMOUNTS)] for each in rng.sample(self.POOL, rng.randint(3, 6))]
        before, after = rng.sample([1, 2, 3, 4, 5, 6, 8, 10, 12], 2)
        return {"rows": rows, "before": before, "after": after, "wording": 0}

    def change(self, request: Request, how: str, rng: Random) -> None:
        rows = request["rows"]
        others = [[*each, rng.choice(self.AMOUNTS)] for each in self.POOL if each[0] not in {row[0] for row in rows}]
        rng.shuffle(others)
        if how == "reworded":
            request["wording"] = rng.choice([1, 2, 3])
        elif how == "value" and rng.random() < 0.5:
            rows[rng.randrange(len(rows))][2] = "11"
        elif how == "value":
            request["after"] = 7
        elif how == "reversed":
            request["before"], request["after"] = request["after"], request["before"]
        elif how == "added":
            rows.insert(rng.randint(0, len(rows)), others[0])
        elif how == "removed":
            rows.pop(rng.randrange(len(rows)))
        else:
            request["rows"] = others[: len(rows)]

    def prompt(self, request: Request) -> str:
        dashes = "| --- | ---: | --- |" if request["wording"] % 2 else "|---|---|---|"
        table = "\n".join(
            [
                "| Ingredient | Amount | Unit |",
                dashes,
                *(f"| {row[0]} | {row[2]} | {row[1]} |" for row in request["rows"]),
            ]
        )
        before, after = request["before"], request["after"]
        return [
            f"Scale this recipe from {before} to {after} servings:\n\n{table}",
            f"This recipe serves {before}. Please scale it to {after} people.\n\n{table}",
            f"Could you adapt the following recipe for {before} people to {after} people:\n\n{table}",
            f"The recipe below makes {before} portions. Adjust the amounts to serve {after}.\n\n{table}",
        ][request["wording"]]

    def scaled(self, request: Request) -> list[tuple[Fraction, str]]:
        return [
            (
                sum((Fraction(part) for part in amount.split()), Fraction(0)) * request["after"] / request["before"],
                f"{unit} {name}".strip(),
            )
            for name, unit, amount in request["rows"]
        ]

    def text(self, rows: list[tuple[Fraction, str]], form: int = 0) -> str:
        lines = []
        for number, (amount, label) in enumerate(rows, 1):
            mixed = (
                f"{amount // 1} {amount % 1}" if form == 1 and amount > 1 and amount.denominator > 1 else str(amount)
            )
            lines.append(f"{number}. {mixed} {label}" if form == 2 else f"- {mixed} {label}")
        return "\n".join(lines)

    def right(self, request: Request, rng: Random) -> str:
        return self.text(self.scaled(request), rng.randrange(3))

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        rows = self.scaled(request)
        place = rng.randrange(len(rows))
        amount, label = rows[place]
        factor = Fraction(request["after"], request["before"])
        yield self.text([(each / factor, what) for each, what in rows])
        yield self.text([(each / factor / factor, what) for each, what in rows])
        yield self.text([*rows[:place], (amount + Fraction(1, 100), label), *rows[place + 1 :]])
        yield self.text([*rows[:place], (amount, f"{label}s"), *rows[place + 1 :]])
        yield self.text([*rows[:place], (amount, f"kg {label}"), *rows[place + 1 :]])
        yield self.text(rows[:-1])
        yield self.text([*rows, rows[place]])
        yield self.text([*rows, (Fraction(1), "tsp pepper")])
        yield self.text(rows[::-1])
        yield self.text(rows) + "\nDo not add the last one."
        yield (
            "\n".join(f"- {float(each):.0f} {what}" for each, what in rows[:-1])
            + f"\n- about {rows[-1][0]} {rows[-1][1]}"
        )

    def judge(self, request: Request, answer: str) -> bool:
        found = []
        for line in answer.splitlines():
            if not line.strip():
                continue
            match = re.fullmatch(r"\s*(?:-|\d+\.)?\s+((?:\d+ )?\d+/\d+|\d+(?:\.\d+)?)\s+(\D+)", f" {line}")
            if match is None:
                return False
            found.append((sum((Fraction(part) for part in match[1].split()), Fraction(0)), match[2].strip()))
        return found == self.scaled(request)


class Glossary:
    """A translation with given terms: the request is a text of known sentences, their terms, and a language."""

    TERMS: ClassVar[dict[str, dict[str, tuple[str, str]]]] = {
        "German": {
            "contract": ("Vertrag", "Kontrakt"),
            "deadline": ("Frist", "Deadline"),
            "invoice": ("Rechnung", "Faktura"),
            "price": ("Preis", "Betrag"),
        },
        "French": {
            "contract": ("contrat", "pacte"),
            "deadline": ("terme", "moment"),
            "invoice": ("facture", "note"),
            "price": ("prix", "tarif"),
        },
    }
    # For each sentence: English, German, French; the first of each pair affirms, the second denies.
    SENTENCES: ClassVar[dict[str, dict[str, tuple[str, str]]]] = {
        "contract": {
            "English": ("{name} signed the contract in {number}.", "{name} did not sign the contract in {number}."),
            "German": (
                "{name} unterschrieb den {term} im Jahr {number}.",
                "{name} unterschrieb den {term} im Jahr {number} nicht.",
            ),
            "French": ("{name} a signé le {term} en {number}.", "{name} n'a pas signé le {term} en {number}."),
        },
        "deadline": {
            "English": ("The deadline is clear for {name}.", "The deadline is not clear for {name}."),
            "German": ("Die {term} ist für {name} klar.", "Die {term} ist für {name} nicht klar."),
            "French": ("Le {term} est clair pour {name}.", "Le {term} n'est pas clair pour {name}."),
        },
        "invoice": {
            "English": ("The invoice lists {number} machines.", "The invoice does not list {number} machines."),
            "German": ("Die {term} nennt {number} Maschinen.", "Die {term} nennt {number} Maschinen nicht."),
            "French": ("La {term} mentionne {number} machines.", "La {term} ne mentionne pas {number} machines."),
        },
        "price": {
            "English": ("The price is fair.", "The price is not fair."),
            "German": ("Der {term} ist fair.", "Der {term} ist nicht fair."),
            "French": ("Le {term} est juste.", "Le {term} n'est pas juste."),
        },
    }
    NAMES = ("Anna", "Marco", "Lena", "Siemens")

    def sentence(self, term: str, rng: Random) -> Request:
        return {
            "term": term,
            "name": rng.choice(self.NAMES),
            "number": rng.randint(13, 2030),
            "denied": rng.random() < 0.4,
            "listed": True,
            "choice": rng.randrange(2),
            "avoid": rng.random() < 0.5,
        }

    def request(self, rng: Random) -> Request:
        terms = rng.sample(list(self.SENTENCES), rng.randint(2, 3))
        return {
            "language": rng.choice(["German", "French"]),
            "parts": [self.sentence(term, rng) for term in terms],
            "wording": 0,
        }

    def change(self, request: Request, how: str, rng: Random) -> None:
        parts = request["parts"]
        part = rng.choice(parts)
        unused = [term for term in self.SENTENCES if term not in {each["term"] for each in parts}]
        if how == "reworded":
            request["wording"] = rng.choice([1, 2])
        elif how == "value":
            part["choice"], part["avoid"] = 1 - part["choice"], True
        elif how == "reversed":
            part["denied"] = not part["denied"]
        elif how == "added":
            parts.append(self.sentence(rng.choice(unused), rng))
        elif how == "removed" and rng.random() < 0.5:
            part["listed"] = False
        elif how == "removed":
            parts.pop()
        elif rng.random() < 0.5:
            request["language"] = "French" if request["language"] == "German" else "German"
        else:
            part.update(self.sentence(unused[0], rng))

    def source(self, part: Request) -> str:
        form = self.SENTENCES[part["term"]]["English"][part["denied"]]
        return form.format(name=part["name"], number=part["number"])

    def names(self, parts: list[Request]) -> list[str]:
        return sorted({part["name"] for part in parts if part["name"] in self.source(part)})

    def prompt(self, request: Request) -> str:
        parts, language = request["parts"], request["language"]
        text = " ".join(self.source(part) for part in parts)
        sign, also = ("=", "not") if request["wording"] == 0 else ("->", "but not")
        lines = []
        for part in parts:
            pair = self.TERMS[language][part["term"]]
            avoid = f", {also} {pair[1 - part['choice']]}" if part["avoid"] else ""
            if part["listed"]:
                lines.append(f"- {part['term']} {sign} {pair[part['choice']]}{avoid}")
        names = self.names(parts)
        keep = f" Keep the names {' and '.join(names)}." if len(names) == 2 else ""
        keep = f" Keep the names {', '.join(names)}." if len(names) == 3 else keep
        keep = f" Keep the name {names[0]}." if len(names) == 1 else keep
        listed = "\n".join(lines if request["wording"] == 0 else lines[::-1])
        return [
            f'Translate this text into {language}.{keep}\nGlossary:\n{listed}\n\nText: "{text}"',
            f'Please translate the following sentences to {language} with these terms:\n{listed}\n\n"{text}"\n\n'
            f"{keep.strip()}",
            f'Could you give me a {language} translation of this text?{keep} Use the glossary.\n\n"{text}"\n\n{listed}',
        ][request["wording"]]

    def translations(self, request: Request) -> list[list[str]]:
        """All right ways to write each sentence: a term that is not listed may be either word."""
        language, ways = request["language"], []
        for part in request["parts"]:
            pair = self.TERMS[language][part["term"]]
            form = self.SENTENCES[part["term"]][language][part["denied"]]
            words = [pair[part["choice"]]] if part["listed"] else list(pair)
            ways.append([form.format(name=part["name"], number=part["number"], term=word) for word in words])
        return ways

    def right(self, request: Request, rng: Random) -> str:
        return " ".join(rng.choice(ways) for ways in self.translations(request))

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        sentences = [ways[0] for ways in self.translations(request)]
        text = " ".join(sentences)
        for part in request["parts"]:
            other = copy.deepcopy(request)
            twin = other["parts"][request["parts"].index(part)]
            twin["choice"] = 1 - twin["choice"]
            if part["listed"]:
                yield self.right(other, rng)
            twin["choice"], twin["denied"] = part["choice"], not part["denied"]
            yield self.right(other, rng)
            twin["denied"], twin["number"] = part["denied"], part["number"] + 1
            yield self.right(other, rng)
            pair = self.TERMS[request["language"]][part["term"]]
            if part["avoid"] and part["listed"]:
                yield text.replace(pair[part["choice"]], f"{pair[part['choice']]} {pair[1 - part['choice']]}")
            if part["name"] in text:
                yield text.replace(part["name"], "Boris")
        yield " ".join(sentences[:-1])
        yield f"{text} {sentences[0]}"
        yield " ".join(sentences[::-1])
        yield " ".join(self.source(part) for part in request["parts"])
        yield f"Here is the translation: {text}"
        yield f'"{text}"'

    def judge(self, request: Request, answer: str) -> bool:
        return " ".join(answer.split()) in {" ".join(ways) for ways in itertools.product(*self.translations(request))}


class Config:
    """A YAML block: the request is a service and its keys, each with a type and what is allowed."""

    POOL: ClassVar[dict[str, tuple[Any, ...]]] = {
        "image": ("text",),
        "port": ("number", 8000, 8100),
        "replicas": ("number", 1, 5),
        "timeout": ("number", 10, 60),
        "restart": ("choice", "always", "on-failure", "never"),
        "log_level": ("choice", "debug", "info", "warning"),
        "privileged": ("flag",),
        "tty": ("flag",),
        "command": ("text",),
    }

    def request(self, rng: Random) -> Request:
        keys = rng.sample(list(self.POOL), rng.randint(3, 6))
        keys += [] if any(self.POOL[key][0] == "number" for key in keys) else ["port"]
        return {
            "service": rng.choice(["web", "api", "db_main"]),
            "keys": {key: list(self.POOL[key]) for key in keys},
            "wording": 0,
        }

    def change(self, request: Request, how: str, rng: Random) -> None:
        keys = request["keys"]
        numbers = [key for key in keys if keys[key][0] == "number"]
        if how == "reworded":
            request["wording"] = rng.choice([1, 2])
            shuffled = list(keys.items())
            rng.shuffle(shuffled)
            request["keys"] = dict(shuffled)
        elif how == "value":
            key = rng.choice(numbers)
            keys[key] = ["number", keys[key][1] + 1000, keys[key][2] + 1000]
        elif how == "reversed":
            key = rng.choice(list(keys))
            keys[key] = {"choice": ["number", 1, 3], "number": ["text"], "flag": ["number", 0, 1], "text": ["flag"]}[
                keys[key][0]
            ]
        elif how == "added":
            key = rng.choice([key for key in self.POOL if key not in keys])
            keys[key] = list(self.POOL[key])
        elif how == "removed":
            keys.pop(rng.choice(list(keys)))
        else:
            request["service"] = "cache"

    def prompt(self, request: Request) -> str:
        bullet = "*" if request["wording"] else "-"
        forms = {"text": "text", "flag": "true or false"}
        lines = []
        for key, (kind, *allowed) in request["keys"].items():
            form = forms.get(kind) or (
                f"number from {allowed[0]} to {allowed[1]}" if kind == "number" else f"one of {', '.join(allowed)}"
            )
            lines.append(f"{bullet} {key}: {form}")
        listed, service = "\n".join(lines), request["service"]
        return [
            f"Write a docker-compose service called {service} as YAML with these keys:\n{listed}",
            f"Could you please give me a YAML file for a service named {service}? It has exactly the following keys:\n"
            f"{listed}",
            f"Create the YAML configuration of the service {service} with only the keys:\n{listed}",
        ][request["wording"]]

    def values(self, request: Request, rng: Random) -> dict[str, str]:
        values = {}
        for key, (kind, *allowed) in request["keys"].items():
            values[key] = {
                "text": lambda: rng.choice(["nginx:1.27", "run all", "'12'", '"true"']),
                "flag": lambda: rng.choice(["true", "false"]),
                "number": lambda low=0, high=0: str(rng.randint(low, high)),
                "choice": lambda *options: rng.choice(options),
            }[kind](*allowed)
        return values

    def text(self, service: str, values: dict[str, str]) -> str:
        return "\n".join(["services:", f"  {service}:", *(f"    {key}: {value}" for key, value in values.items())])

    def right(self, request: Request, rng: Random) -> str:
        return self.text(request["service"], self.values(request, rng))

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        service, values = request["service"], self.values(request, rng)
        for key, (kind, *allowed) in request["keys"].items():
            bad = {
                "text": ["12", "", "[a, b]", "true", "null", "|\n      x"],
                "flag": ["'true'", "1", "yes", "maybe"],
                "number": [f"'{allowed[0]}'", "-1", f"{allowed[-1]}0", "many", f"{allowed[0]}.0", "0x1F90"]
                if kind == "number"
                else [],
                "choice": ["sometimes", "7", "[always]", "Always"],
            }[kind]
            yield self.text(service, {**values, key: rng.choice(bad)})
        yield self.text(service, dict(list(values.items())[:-1]))
        yield self.text(service, {**values, "user": "root"})
        for key, (kind, *_) in request["keys"].items():
            if kind == "number":
                quoted = {name: f"'{name}'" if name == key else name for name in values}
                yield self.text(service, {quoted[name]: "7000" if name == key else values[name] for name in values})
        yield self.text("other", values)
        yield self.text(service, values) + "\nvolumes:"
        yield self.text(service, values) + "\n    " + next(iter(values)) + ": 1"
        yield self.text(service, values) + " # as asked"
        yield "Sure:\n" + self.text(service, values)
        yield json.dumps({"services": {service: values}})
        yield self.text(service, values).replace("    ", "  ")

    def judge(self, request: Request, answer: str) -> bool:
        lines = answer.rstrip().split("\n")
        if lines[:2] != ["services:", f"  {request['service']}:"]:
            return False
        found = {}
        for line in lines[2:]:
            match = re.fullmatch(r" {4}(\w+): +(\S.*)", line)
            if match is None or match[1] in found or re.search(r"[#&*!|>{}\[\]]", match[2]):
                return False
            found[match[1]] = match[2].strip()
        if set(found) != set(request["keys"]):
            return False
        return all(self.allowed(found[key], *spec) for key, spec in request["keys"].items())

    @staticmethod
    def allowed(value: str, kind: str, *allowed: Any) -> bool:
        quoted = re.fullmatch(r"'[^']*'|\"[^\"]*\"", value)
        if kind == "number":
            return re.fullmatch(r"\d+", value) is not None and allowed[0] <= int(value) <= allowed[1]
        if kind == "flag":
            return value in ("true", "false")
        if kind == "choice":
            return (value[1:-1] if quoted else value) in allowed
        plain = re.fullmatch(r"[-+]?[\d.]+(?:e\d+)?|0x\w+|true|false|null|~", value, re.IGNORECASE)
        return len(value) > 2 if quoted else plain is None


class Actions:
    """The actions of minutes: the request is who was there, who does what by when, and what is not to be done."""

    PEOPLE = ("Ann", "Bob", "Cid", "Dora", "Emil")
    TASKS = (
        *("send the report", "book the room", "call the client", "pay the bill", "order new chairs"),
        *("update the web page", "write to the landlord", "fix the printer"),
    )

    def action(self, task: str, people: list[str], rng: Random) -> Request:
        owner, other = rng.sample(people, 2)
        due = date(2026, 3, 1) + timedelta(days=rng.randrange(200))
        return {"owner": owner, "not": other if rng.random() < 0.6 else "", "task": task, "due": due}

    def request(self, rng: Random) -> Request:
        people = rng.sample(self.PEOPLE, rng.randint(3, 4))
        tasks = rng.sample(self.TASKS, rng.randint(3, 5))
        actions = [self.action(task, people, rng) for task in tasks[1:]]
        actions[0]["not"] = next(name for name in people if name != actions[0]["owner"])
        return {
            "people": people,
            "actions": actions,
            "denied": [(rng.choice(people), tasks[0])] if rng.random() < 0.5 else [],
            "left_out": "",
            "wording": 0,
        }

    def change(self, request: Request, how: str, rng: Random) -> None:
        actions, people = request["actions"], request["people"]
        used = {each["task"] for each in actions} | {task for _, task in request["denied"]}
        unused = [task for task in self.TASKS if task not in used]
        if how == "reworded":
            request["wording"] = rng.choice([1, 2])
        elif how == "value":
            rng.choice(actions)["due"] += timedelta(days=rng.choice([-1, 1, 30]))
        elif how == "reversed" and rng.random() < 0.3:
            request["left_out"] = actions[0]["owner"]
            actions[1]["owner"] = next(name for name in people if name != request["left_out"])
            actions[1]["not"] = ""
        elif how == "reversed":
            actions[0]["owner"], actions[0]["not"] = actions[0]["not"], actions[0]["owner"]
        elif how == "added" and rng.random() < 0.5:
            request["denied"].append((rng.choice(people), unused[0]))
        elif how == "added":
            actions.insert(rng.randint(0, len(actions)), self.action(unused[0], people, rng))
        elif how == "removed":
            actions.pop(rng.randrange(len(actions)))
        else:
            for action, task in zip(actions, unused, strict=False):
                action["task"] = task

    def prompt(self, request: Request) -> str:
        wording, bullet = request["wording"], "*" if request["wording"] else "-"
        lines = []
        for each in request["actions"]:
            due = each["due"] if wording else f"{each['due'].day} {each['due']:%B} {each['due'].year}"
            who = [f"{each['owner']}, not {each['not']}, will", f"Not {each['not']} but {each['owner']} will"][
                wording % 2
            ]
            who = who if each["not"] else [f"{each['owner']} will", f"{each['owner']} is to"][wording % 2]
            lines.append(f"{bullet} {who} {each['task']} by {due}.")
        lines += [f"{bullet} {who} will not {task}." for who, task in request["denied"]]
        people = request["people"] if wording == 0 else request["people"][::-1]
        there = f"{', '.join(people[:-1])} and {people[-1]}"
        leave = f" Leave out {request['left_out']}." if request["left_out"] else ""
        minutes = "\n".join(lines)
        return [
            f"Make an action list from these minutes.{leave} Participants: {there}.\n\n{minutes}",
            f"Please write the action items of the following meeting.{leave} Attendees: {there}.\n\n{minutes}",
            f"Could you extract the actions, with owner and due date, from these notes?{leave}\n\n"
            f"{minutes}\n\nPresent: {there}.",
        ][wording]

    def due(self, request: Request) -> list[tuple[str, str, date]]:
        return [
            (each["owner"], each["task"], each["due"])
            for each in request["actions"]
            if each["owner"] != request["left_out"]
        ]

    def text(self, actions: list[tuple[str, str, date]], form: int = 0) -> str:
        return "\n".join(
            [
                f"{number}. {owner}: {task} by {day}",
                f"- {owner}: {task.capitalize()} (due {day.day} {day:%B} {day.year})",
                f"{number}. **{owner}** – {task}, due {day}",
            ][form]
            for number, (owner, task, day) in enumerate(actions, 1)
        )

    def right(self, request: Request, rng: Random) -> str:
        return self.text(self.due(request), rng.randrange(3))

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        actions = self.due(request)
        owner, task, day = actions[0]
        other = request["actions"][0]["not"] or next(name for name in request["people"] if name != owner)
        yield self.text([(other, task, day), *actions[1:]])
        yield self.text([("Zoe", task, day), *actions[1:]])
        yield self.text([(owner, f"{task} with {other}", day), *actions[1:]])
        yield self.text([(owner, f"not {task}", day), *actions[1:]])
        yield self.text([(owner, task, day + timedelta(days=1)), *actions[1:]])
        yield self.text(actions).replace(f" by {day}", "", 1)
        yield self.text(actions[:-1]) or "none"
        yield self.text([*actions, (other, task, day)])
        for who, what in request["denied"]:
            yield self.text([*actions, (who, what, day)])
        if request["left_out"]:
            yield self.text([(each["owner"], each["task"], each["due"]) for each in request["actions"]])
        yield self.text(actions).replace(": ", f" and {other}: ", 1)
        yield self.text(actions) + "\nBob does nothing."
        yield "Actions:\n" + self.text(actions)

    def judge(self, request: Request, answer: str) -> bool:
        found = []
        for line in answer.splitlines():
            if not line.strip():
                continue
            match = re.fullmatch(
                r"(?:\d+\.|-)? ?\**([A-Z][a-z]+)\**(?::| –) ([A-Za-z ]+?),? \(?(?:by|due) (\d[^()]*?)\)?", line.strip()
            )
            if match is None:
                return False
            day = None
            for each in request["actions"]:
                if match[3] in (str(each["due"]), f"{each['due'].day} {each['due']:%B} {each['due'].year}"):
                    day = each["due"]
            found.append((match[1], match[2].lower(), day))
        return found == self.due(request)


class Rota:
    """Who works on which day: many plans are right, but some people are away, and nobody may work two days running."""

    NAMES = ("Anna", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus")
    WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

    def request(self, rng: Random) -> Request:
        people = rng.sample(self.NAMES, 3)
        first = rng.randrange(2)
        days = list(self.WEEK[first : first + rng.randint(3, 5)])
        absent = [(person, rng.choice(days)) for person in rng.sample(people, rng.randint(0, 1))]
        return {
            "people": people,
            "days": days,
            "absent": absent,
            "spaced": True,
            "equal": rng.random() < 0.5,
            "wording": 0,
        }

    def change(self, request: Request, how: str, rng: Random) -> None:
        people, days = request["people"], request["days"]
        if how == "reworded":
            request["wording"] = 1
        elif how == "value":
            request["absent"] = [(people[0], day) for day in rng.sample(days, 1)]
        elif how == "reversed":
            request["equal"] = not request["equal"]
            request["absent"] = [
                (person, next(each for each in days if each != day)) for person, day in request["absent"]
            ]
        elif how == "added":
            days.append(self.WEEK[self.WEEK.index(days[-1]) + 1])
        elif how == "removed":
            gone = days.pop()
            request["absent"] = [(person, day) for person, day in request["absent"] if day != gone]
        else:
            new = [name for name in self.NAMES if name not in people][:3]
            request["absent"] = [(new[people.index(person)], day) for person, day in request["absent"]]
            request["people"] = new

    def prompt(self, request: Request) -> str:
        people, days = request["people"], request["days"]
        wishes = ["Nobody works two days in a row."] * request["spaced"] + ["Everybody works equally often."] * request[
            "equal"
        ]
        if not request["wording"]:
            wishes += [f"{person} cannot work on {day}." for person, day in request["absent"]]
            return f"Make a rota. People: {', '.join(people)}. Days: {', '.join(days)}.\n{' '.join(wishes)}".strip()
        wishes = [f"{person} doesn't work on {day}." for person, day in request["absent"]]
        wishes += ["No one works 2 days running."] * request["spaced"] + ["Each person works equally often."] * request[
            "equal"
        ]
        listed = f"{', '.join(people[:-1])} and {people[-1]}"
        asked = f"Could you draw up a roster for the team: {listed}. The days: {', '.join(days)}."
        return f"{asked} {' '.join(wishes)}".strip()

    def right(self, request: Request, rng: Random) -> str:
        plans = list(itertools.product(request["people"], repeat=len(request["days"])))
        rng.shuffle(plans)
        return next(text for plan in plans if self.judge(request, text := self.text(request, plan)))

    def text(self, request: Request, plan: tuple[str, ...]) -> str:
        return "\n".join(f"{day}: {person}" for day, person in zip(request["days"], plan, strict=True))

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        plans = list(itertools.product(request["people"], repeat=len(request["days"])))
        for plan in rng.sample(plans, 6):
            yield self.text(request, plan)
        good = self.right(request, rng)
        lines = good.splitlines()
        yield "\n".join(lines[:-1])
        yield "\n".join(lines[::-1])
        yield "\n".join([*lines, lines[0]])
        yield good.replace(lines[0].split(": ")[1], "Zoe")
        yield good.replace(": ", ": not ")
        yield good + "\nBut this may change."
        yield good.replace(request["days"][0], "Someday")
        yield "\n".join([lines[0] + " and " + lines[1].split(": ")[1], *lines[1:]])

    def judge(self, request: Request, answer: str) -> bool:
        rows = [re.fullmatch(r"\s*(?:[-*] )?(\w+): (\w+)\.?\s*", line) for line in answer.splitlines() if line.strip()]
        if not all(rows) or [row[1] for row in rows if row] != request["days"]:
            return False
        plan = [row[2] for row in rows if row]
        often = [plan.count(person) for person in request["people"]]
        return (
            set(plan) <= set(request["people"])
            and not set(zip(plan, request["days"], strict=True)) & set(request["absent"])
            and not (request["spaced"] and any(one == other for one, other in itertools.pairwise(plan)))
            and not (request["equal"] and max(often) - min(often) > (len(plan) % len(often) > 0))
        )


class Texts:
    """Texts of an interface, translated: the request is a language and some keys, each in one of several forms.

    A model that translates into fluent nonsense is found out by nobody, so the wrong replies are those that a check can
    see; what must not happen is that a stored translation of one text is served for another.
    """

    # For each key, texts in English, German and French. The first two affirm and the third denies; the second differs
    # from the first in what no check compares.
    POOL: ClassVar[dict[str, tuple[tuple[str, str, str], ...]]] = {
        "save": (
            ("Save {count} files", "{count} Dateien sichern", "Enregistrer {count} fichiers"),
            ("Send {count} files", "{count} Dateien senden", "Envoyer {count} fichiers"),
            ("Do not save {count} files", "{count} Dateien nicht sichern", "Ne pas enregistrer {count} fichiers"),
        ),
        "hi": (
            ("Hello, {name}!", "Hallo {name}!", "Bonjour {name} !"),
            ("Goodbye, {name}!", "Auf Wiedersehen {name}!", "Au revoir {name} !"),
            ("Never mind, {name}!", "Das macht nichts, {name}, nie!", "Jamais, {name} !"),
        ),
        "ask": (
            ("Delete {name} ({count})?", "{name} ({count}) löschen?", "Supprimer {name} ({count}) ?"),
            ("Copy {name} ({count})?", "{name} ({count}) kopieren?", "Copier {name} ({count}) ?"),
            ("Not delete {name} ({count})?", "{name} ({count}) nicht löschen?", "Ne pas supprimer {name} ({count}) ?"),
        ),
        "ok": (("Fine", "Gut", "Bien"), ("Back", "Zurück", "Retour"), ("Without me", "Ohne mich", "Sans moi")),
        "menu": (("File", "Datei", "Fichier"), ("Help", "Hilfe", "Aide"), ("No help", "Keine Hilfe", "Aucune aide")),
        "end": (("Quit", "Beenden", "Quitter"), ("Start", "Starten", "Lancer"), ("Cannot quit", "Nie", "Jamais")),
    }
    LANGUAGES = ("English", "German", "French")

    def request(self, rng: Random) -> Request:
        keys = rng.sample(list(self.POOL), 3)
        return {"language": rng.randint(1, 2), "keys": {key: rng.choice([0, 2]) for key in keys}, "wording": 0}

    def change(self, request: Request, how: str, rng: Random) -> None:
        keys = request["keys"]
        unused = [key for key in self.POOL if key not in keys]
        key = rng.choice(list(keys))
        if how == "reworded":
            request["wording"] = rng.choice([1, 2])
            request["keys"] = dict(sorted(keys.items(), key=lambda each: rng.random()))
        elif how == "value":
            keys[key] = 1
        elif how == "reversed":
            keys[key] = 2 - keys[key]
        elif how == "added":
            keys[rng.choice(unused)] = 0
        elif how == "removed":
            keys.pop(key)
        else:
            request["keys"] = dict.fromkeys(unused, 0)

    def texts(self, request: Request, language: int) -> dict[str, str]:
        return {key: self.POOL[key][form][language] for key, form in request["keys"].items()}

    def prompt(self, request: Request) -> str:
        language, texts = self.LANGUAGES[request["language"]], json.dumps(self.texts(request, 0))
        return [
            f"Translate these texts into {language}: {texts}",
            f"Please give me a {language} translation of the following UI strings, as JSON with the same keys: {texts}",
            f"Could you translate the user interface texts to {language}? Keep the placeholders.\n\n{texts}",
        ][request["wording"]]

    def right(self, request: Request, rng: Random) -> str:
        texts = self.texts(request, request["language"])
        return json.dumps(texts, ensure_ascii=False, indent=rng.choice([None, 2]))

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        texts = self.texts(request, request["language"])
        key = rng.choice(list(texts))
        no = {1: "nicht ", 2: "pas "}[request["language"]]
        for bad in (f"{texts[key]} {{x}}", f"{texts[key]} {{}}", "", "  ", None, [texts[key]], {"text": texts[key]}, 5):
            yield json.dumps({**texts, key: bad})
        yield json.dumps({**texts, key: re.sub(r"\{.*?\}", "", texts[key]) + " {y}"})
        for name, form in request["keys"].items():
            opposite = texts[name].replace(no, "") if form == 2 else f"{no}{texts[name]}"
            if opposite != texts[name] and (form != 2 or name in ("save", "ask")):
                yield json.dumps({**texts, name: opposite})
        yield json.dumps({name: text for name, text in texts.items() if name != key} or [])
        yield json.dumps(list(texts.values()))
        yield f"{json.dumps(texts)}\n{json.dumps(texts)}"
        yield json.dumps(texts)[:-1]

    def judge(self, request: Request, answer: str) -> bool:
        try:
            return bool(json.loads(answer) == self.texts(request, request["language"]))
        except ValueError:
            return False


class Cron:
    """A cron expression for a time and days of the week."""

    DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    SHORT = tuple(day[:3].upper() for day in DAYS)
    GROUPS: ClassVar[dict[str, set[int]]] = {"day": set(range(7)), "weekday": {1, 2, 3, 4, 5}}

    def request(self, rng: Random) -> Request:
        return {
            "days": sorted(rng.sample(range(7), rng.randint(2, 4))),
            "group": "",
            "hour": rng.randint(1, 11),
            "minute": rng.randint(12, 59),
            "evening": False,
            "wording": 0,
        }

    def change(self, request: Request, how: str, rng: Random) -> None:
        days = request["days"]
        if how == "reworded":
            request["wording"] = rng.choice([1, 2])
        elif how == "value":
            request["minute"] -= 1
        elif how == "reversed":
            request["evening"] = True
        elif how == "added":
            request["days"] = sorted([*days, rng.choice([day for day in range(7) if day not in days])])
        elif how == "removed":
            days.pop()
        else:
            request["group"] = rng.choice(["day", "weekday"])

    def prompt(self, request: Request) -> str:
        hour, minute = request["hour"], f"{request['minute']:02}"
        half = "pm" if request["evening"] else "am"
        names = [self.DAYS[day] for day in request["days"]]
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        every = request["group"] or listed
        plural = f"{request['group']}s" if request["group"] == "weekday" else re.sub(r"day\b", "days", listed)
        plural = "every day" if request["group"] == "day" else f"on {plural}"
        late = hour + 12 * request["evening"]
        return [
            f"Write a cron expression that runs every {every} at {hour}:{minute} {half}.",
            f"I need a crontab entry for {late:02}:{minute} {plural}, please.",
            f"Could you give me the cron schedule for a job that runs at {hour}:{minute}{half} {plural}?",
        ][request["wording"]]

    def wanted(self, request: Request) -> set[int]:
        return self.GROUPS.get(request["group"]) or set(request["days"])

    def line(self, request: Request, days: str | None = None, **other: Any) -> str:
        at = {**request, **other}
        wanted = days if days is not None else ",".join(map(str, sorted(self.wanted(request))))
        return f"{at['minute']} {at['hour'] + 12 * at['evening']} * * {wanted}"

    def right(self, request: Request, rng: Random) -> str:
        days = sorted(self.wanted(request))
        named = ",".join(self.SHORT[day] for day in days)
        ways = [None, named, named.lower(), ",".join(str(day or 7) for day in days)]
        ways += [f"{days[0]}-{days[-1]}"] if days == list(range(days[0], days[-1] + 1)) else []
        line = self.line(request, rng.choice(ways))
        return rng.choice([line, f"```\n{line}\n```", line.replace(" ", "  ")])

    def wrong(self, request: Request, rng: Random) -> Iterator[str]:
        wanted = self.wanted(request)
        line = self.line(request)
        yield self.line(request, evening=not request["evening"])
        yield self.line(request, minute=request["minute"] + 1)
        yield self.line(request, minute=request["hour"], hour=request["minute"])
        for days in ("", "1-", "8", "1-5-7", "5-1", "mon-", "1,,5", "*-5", "*/2", "1/2", "monday", "-1", "1 5", "?"):
            yield self.line(request, days)
        yield self.line(request, ",".join(map(str, set(range(7)) - wanted)) or "1")
        yield line.replace("* *", "1 *")
        yield line.replace("* *", "* 3")
        yield f"0 {line}"
        yield f"not {line}"
        yield f"{line} and {line}"
        yield f"{line} # but not in May"
        yield f"{line}\n{line}"

    def judge(self, request: Request, answer: str) -> bool:
        fields = answer.strip().removeprefix("```").removesuffix("```").split()
        if len(fields) != 5 or fields[2:4] != ["*", "*"] or "#" in answer or answer.strip().count("\n") > 2:
            return False
        late = request["hour"] + 12 * request["evening"]
        if [*map(str.isdecimal, fields[:2])] != [True] * 2 or [*map(int, fields[:2])] != [request["minute"], late]:
            return False
        found: set[int] = set()
        for part in fields[4].upper().split(","):
            match = re.fullmatch(rf"([0-7]|{'|'.join(self.SHORT)})(?:-([0-7]|{'|'.join(self.SHORT)}))?|\*", part)
            if match is None:
                return False
            ends = [self.SHORT.index(end) if end in self.SHORT else int(end) for end in match.groups() if end]
            if ends != sorted(ends):
                return False
            found |= {day % 7 for day in range(ends[0], ends[-1] + 1)} if ends else set(range(7))
        return found == self.wanted(request)


KITS: dict[str, Any] = {
    "action-list": Actions(),
    "dated-schedule": Schedule(),
    "glossary-translation": Glossary(),
    "interface-texts": Texts(),
    "recipe-scaling": Recipe(),
    "rota": Rota(),
    "service-config": Config(),
    "weekly-cron": Cron(),
}


UNSEEN = {"interface-texts": ["value"]}
"""Changes after which nobody finds out a model that says again what it said before: a text in place of another."""


def variant(rule: str, seed: int) -> tuple[Request, Request, str, Random]:
    """A request that was answered before, the new one, and how it was made of the old one."""
    rng, kit, how = Random(f"{rule}-{seed}"), KITS[rule], CHANGES[seed % len(CHANGES)]
    old = kit.request(rng)
    new = copy.deepcopy(old)
    kit.change(new, how, rng)
    return old, new, how, rng


def pipeline(folder: Path, rule: str, replies: list[str]) -> stepflow.Pipeline:
    path = folder / "pipeline.yaml"
    path.write_text(
        "stepflow: 1\nkind: pipeline\nid: authoring\n"
        f"rules: [{json.dumps(str(HERE / f'{rule}.yaml'))}]\n"
        f"backend: {{type: scripted, replies: {json.dumps(replies, ensure_ascii=False)}}}\n"
        "store: {type: memory}\ntrace: {keep: 0}\n",
        encoding="utf-8",
    )
    return stepflow.load(str(path))


@pytest.fixture(scope="module", autouse=True)
def every_rule_is_compiled_once() -> Iterator[None]:
    with one_look():
        yield


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("command", ["lint", "test"])
def test_the_rule_is_clean_and_its_own_tests_pass(rule: str, command: str) -> None:
    options = ["--strict"] if command == "lint" else ["--coverage", "--fail-under", "100"]
    program = [sys.executable, "-m", "stepflow", command, str(HERE / f"{rule}.yaml"), *options]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def check_right(rule: str, first: stepflow.Outcome, served: stepflow.Outcome, how: str, new: Request) -> None:
    assert served.final == "verified", (how, KITS[rule].prompt(new), served.answer)
    assert KITS[rule].judge(new, served.answer), (how, KITS[rule].prompt(new), served.answer)
    if how == "reworded":
        assert (served.outcome, served.calls, served.answer.strip()) == ("reuse", 0, first.answer.strip())


@pytest.mark.parametrize("seed", range(VARIANTS))
@pytest.mark.parametrize("rule", RULES)
def test_nothing_wrong_passes_for_right(rule: str, seed: int, tmp_path: Path) -> None:
    old, new, how, rng = variant(rule, seed)
    kit = KITS[rule]
    before, now = kit.right(old, rng), kit.right(new, rng)
    assert kit.judge(old, before)
    assert kit.judge(new, now), now
    stale = [] if how in UNSEEN.get(rule, ()) else [before]
    bad = [reply for reply in [*kit.wrong(new, rng), *rng.sample(MALFORMED, 3), *stale] if not kit.judge(new, reply)]
    assert len(bad) >= 8
    rng.shuffle(bad)

    tenants = [f"tenant-{number}" for number in range(4)]  # who share nothing
    with pipeline(tmp_path, rule, [before] * len(tenants) + [now] * 2 + bad * 2) as flow:
        for tenant in tenants:
            first = flow.run(kit.prompt(old), tenant=tenant)
            assert (first.rule, first.outcome, first.final, first.calls) == (rule, "miss", "verified", 1)
        # The model is right: at most a patch and an answer in full.
        served = flow.run(kit.prompt(new), tenant=tenants[0])
        assert served.rule == rule, kit.prompt(new)
        check_right(rule, first, served, how, new)
        again = flow.run(kit.prompt(new), tenant=tenants[0])
        assert (again.outcome, again.calls, again.answer) == ("exact", 0, served.answer)
        # The model is wrong from now on (the next tenant may still get what is left of the right replies).
        for tenant in tenants[1:]:
            with suppress(stepflow.BackendError):  # the script is used up
                served = flow.run(kit.prompt(new), tenant=tenant)
                assert served.rule == rule
                if served.final != "unverified":
                    assert kit.judge(new, served.answer), (how, kit.prompt(new), served.answer)


FOREIGN = {
    "action-list": "Write a short story about a meeting.",
    "dated-schedule": "Plan a birthday party for 8 children on 2026-05-02.",
    "glossary-translation": 'Translate "good morning" into German.',
    "interface-texts": "Write some texts for an interface.",
    "recipe-scaling": "How do I scale a fish?",
    "rota": "Make a cake for Anna and Ben.",
    "weekly-cron": "What does the cron expression 5 9 * * 1 mean?",
    "service-config": "Explain this YAML file to me.",
}


@pytest.mark.parametrize("rule", RULES)
def test_foreign_prompts_pass_through(rule: str, tmp_path: Path) -> None:
    with pipeline(tmp_path, rule, ["whatever"]) as flow:
        served = flow.run(FOREIGN[rule])
    assert (served.outcome, served.final, served.answer) == ("passthrough", "unverified", "whatever")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("wish", ["Do not do this.", "Answer in French.", "Add 3 more.", "Sort them by name."])
def test_a_further_wish_is_not_overlooked(rule: str, wish: str, tmp_path: Path) -> None:
    old, _, _, rng = variant(rule, 1)
    kit = KITS[rule]
    answer = kit.right(old, rng)
    with pipeline(tmp_path, rule, [answer, answer]) as flow:
        flow.run(kit.prompt(old))
        served = flow.run(f"{wish}\n{kit.prompt(old)}")
    assert served.outcome == "passthrough", served
