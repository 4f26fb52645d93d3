"""The benchmark as one HTML page: nothing is loaded from elsewhere, no script; for light and dark screens and paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib import resources

from stepflow.bench import charts, terminal
from stepflow.bench.charts import Bar, Curve, Part
from stepflow.bench.figures import SHARES, Figures, Summary
from stepflow.bench.runner import ALONE, Row

MAX_EXAMPLES = 20
SHARE_STYLES = {share: f"s-{share.replace(' ', '-')}" for share in SHARES}


def page(facts: Mapping[str, str], summaries: Sequence[Summary], rows: Sequence[Row]) -> str:
    """The page's text."""
    styles = _styles(summaries)
    sections = (
        _section("At a glance", "", _cards(summaries, styles) + _totals(summaries)),
        _section(
            "Latency",
            "Left and up is better. Each curve says which share of the requests took at most so long.",
            charts.legend(styles) + charts.distribution(_curves(summaries, rows, styles), "cumulative latency"),
        ),
        _section(
            "How often each latency occurs",
            "A request that needs no model call takes milliseconds; one that does takes as long as the model.",
            charts.histograms(_curves(summaries, rows, styles), "latency histograms"),
        ),
        _section(
            "How answers came about",
            "Generated answers were verified. What the rule's deterministic fallback wrote is shown apart, and so is "
            "the reuse of it: neither counts as reuse of a model's answer.",
            _shares(summaries),
        ),
        _section(
            "Tokens",
            "Prompt and completion tokens of a request, on average.",
            charts.legend({"prompt": "t-prompt", "completion": "t-completion"}) + _tokens(summaries),
        ),
        _section(
            "Patches",
            "A patch asks for what fails or is missing alone. These are its completion tokens, as a share of those of "
            "a full answer to the same request.",
            _patches(summaries),
        ),
        _section(
            "Correctness",
            "Share of answers that the independent checkers call right. Unverified answers may be wrong, and say so.",
            charts.legend(styles) + _correctness(summaries, styles),
        ),
        _section("Remarks", "", _list(terminal.remarks(summaries))),
        _section("Wrong answers", "", _wrong(rows)),
    )
    listed = " · ".join(f"<b>{escape(name)}</b> {escape(value)}" for name, value in facts.items())
    return _PAGE.format(
        style=resources.files("stepflow.bench").joinpath("report.css").read_text(encoding="utf-8"),
        facts=listed,
        body="".join(sections),
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>stepflow benchmark</title><style>
{style}</style></head><body><main>
<h1>stepflow benchmark</h1><p class="facts">{facts}</p>
{body}</main></body></html>
"""


def _styles(summaries: Sequence[Summary]) -> dict[str, str]:
    """A colour for each pipeline, by name; `none` is grey."""
    others = [each.name for each in summaries if each.name != ALONE]
    colours = {name: f"p-{'abcdef'[number % 6]}" for number, name in enumerate(others)}
    return {each.name: colours.get(each.name, "p-none") for each in summaries}


def _section(title: str, lead: str, body: str) -> str:
    said = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f"<section><h2>{escape(title)}</h2>{said}{body}</section>\n" if body else ""


def _cards(summaries: Sequence[Summary], styles: Mapping[str, str]) -> str:
    cards = []
    for each in summaries:
        total, against = each.total, each.speedup if each.name != ALONE else {}
        lines = (
            ("mean", terminal.seconds(total.mean), against.get("mean")),
            ("median", terminal.seconds(total.median), against.get("median")),
            ("p95", terminal.seconds(total.p95), against.get("p95")),
            ("tokens", f"{total.tokens:.1f}", against.get("tokens")),
            ("correct", terminal.percent(total.correctness), None),
        )
        cells = "".join(
            f"<dt>{name}</dt><dd>{escape(value)}{f' <small>{_times(share)}</small>' if share else ''}</dd>"
            for name, value, share in lines
        )
        cards.append(f'<div class="card {styles[each.name]}-edge"><h3>{escape(each.name)}</h3><dl>{cells}</dl></div>')
    return f'<div class="cards">{"".join(cards)}</div>'


def _times(share: float) -> str:
    """`4× less` where it is less than half, else the share of none's figure."""
    return f"{1 / share:.3g}× less" if share < 0.5 else f"{share:.0%} of none"


def _totals(summaries: Sequence[Summary]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("pipeline", "requests", *terminal.COLUMNS))
    body = []
    for each in summaries:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in (str(each.total.requests), *terminal.cells(each.total)))
        body.append(f"<tr><th>{escape(each.name)}</th>{cells}</tr>")
        if each.warm_up is not None:
            cells = "".join(
                f"<td>{escape(cell)}</td>" for cell in (str(each.warm_up.requests), *terminal.cells(each.warm_up))
            )
            body.append(f'<tr class="faint"><th>its warm-up</th>{cells}</tr>')
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _curves(summaries: Sequence[Summary], rows: Sequence[Row], styles: Mapping[str, str]) -> list[Curve]:
    return [
        Curve(
            each.name,
            sorted(row.seconds for row in rows if row.pipeline == each.name and not row.warm_up),
            styles[each.name],
        )
        for each in summaries
    ]


def _by_kind(summaries: Sequence[Summary], draw: Callable[[Summary, Figures, str, str], Bar]) -> list[Bar]:
    """All requests first, then each perturbation; below each a bar for every pipeline."""
    found: list[Bar] = []
    kinds = dict.fromkeys(kind for each in summaries for kind in each.by_kind)
    for kind in ("", *kinds):
        group = kind or "all requests"
        for each in summaries:
            figures = each.by_kind.get(kind) if kind else each.total
            if figures is not None:
                count = f" ({figures.requests})"
                found.append(draw(each, figures, each.name, group + count if group else ""))
                group = ""
    return found


def _shares(summaries: Sequence[Summary]) -> str:
    def draw(each: Summary, figures: Figures, label: str, group: str) -> Bar:
        parts = [
            Part(count / figures.requests, SHARE_STYLES[share], f"{share}: {count} of {figures.requests}", str(count))
            for share, count in figures.shares.items()
        ]
        return Bar(label, parts, f"{figures.calls:.2f} calls", group)

    served = [each for each in summaries if each.name != ALONE] or list(summaries)
    used = {share: SHARE_STYLES[share] for share in SHARES if any(share in each.total.shares for each in served)}
    return charts.legend(used) + charts.bars(_by_kind(served, draw), 1.0, "how answers came about, by perturbation")


def _tokens(summaries: Sequence[Summary]) -> str:
    def draw(each: Summary, figures: Figures, label: str, group: str) -> Bar:
        parts = [
            Part(figures.prompt_tokens, "t-prompt", f"{figures.prompt_tokens:.1f} prompt tokens"),
            Part(figures.completion_tokens, "t-completion", f"{figures.completion_tokens:.1f} completion tokens"),
        ]
        return Bar(label, parts, f"{figures.tokens:.0f}", group)

    all_figures = [figures for each in summaries for figures in (each.total, *each.by_kind.values())]
    return charts.bars(_by_kind(summaries, draw), max(each.tokens for each in all_figures), "tokens by perturbation")


def _patches(summaries: Sequence[Summary]) -> str:
    rows = [terminal.patch_cells(each.name, cost) for each in summaries for cost in each.patches]
    return _table(terminal.PATCH_COLUMNS, rows, texts=2) if rows else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> str:
    """A table of its own; its first `texts` columns hold texts, the others figures."""

    def line(tag: str, values: Sequence[str]) -> str:
        cells = (
            f"<{tag}{' class=text' if number < texts else ''}>{escape(value)}</{tag}>"
            for number, value in enumerate(values)
        )
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f'<div class="wide"><table><thead>{line("th", columns)}</thead><tbody>{body}</tbody></table></div>'


def _correctness(summaries: Sequence[Summary], styles: Mapping[str, str]) -> str:
    def draw(each: Summary, figures: Figures, label: str, group: str) -> Bar:
        share = figures.correctness
        title = f"{figures.correct} of {figures.judged} right"
        note = f"{terminal.percent(share)}{f', {figures.wrong} wrong' if figures.wrong else ''}"
        return Bar(label, [Part(share or 0.0, styles[each.name], title)], note, group)

    if not any(each.total.judged for each in summaries):
        return ""
    return charts.bars(_by_kind(summaries, draw), 1.0, "correctness by perturbation")


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _wrong(rows: Sequence[Row]) -> str:
    wrong = terminal.wrong_answers(rows)
    if not wrong:
        return "<p>No answer that was served as verified, or by a fallback, is wrong.</p>"
    shown = "".join(
        f"<details open><summary>{escape(row.pipeline)}, {escape(row.outcome)}: {escape(row.objection)}</summary>"
        f"<pre>{escape(row.prompt)}</pre><pre>{escape(row.answer)}</pre></details>"
        for row in wrong[:MAX_EXAMPLES]
    )
    more = f"<p>… and {len(wrong) - MAX_EXAMPLES} more.</p>" if len(wrong) > MAX_EXAMPLES else ""
    return f"<p><b>{len(wrong)} answers served as right are wrong.</b></p>{shown}{more}"
