from bench_hits import tables

FLOOR, HIT, REUSE = "floor: SHA-256 and a get", "exact hit", "verified reuse of 8 steps, found by likeness"


def figures(hit, reuse=0.004):
    return {
        f"{FLOOR} @ 1,000": {"p50": 10e-6, "p99": 30e-6},
        f"{HIT} @ 1,000": {"p50": hit, "p99": 1e-3},
        f"{REUSE} @ 10,000": {"p50": 0.004},
        f"{REUSE} @ 100,000": {"p50": reuse},
    }


def row(text, begin):
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {begin}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_figure_stands_above_its_ratio_and_a_missed_one_is_named():
    text = tables.table(figures(hit=95e-6, reuse=0.016))
    assert row(text, "exact hit") == ["exact hit", "95 µs (1,000)", "", ""]
    assert row(text, "**× floor") == ["**× floor: SHA-256 and a get (at most 10)**", "9.5", "", ""]
    assert row(text, f"**× {REUSE}")[1:] == ["", "", "4 missed"]  # that of 10,000 is not measured against itself


def test_only_a_ratio_that_has_grown_beyond_the_tolerance_is_worse():
    old = figures(hit=100e-6)
    assert tables.compare(old, figures(hit=125e-6), 0.3)[1]
    text, fine = tables.compare(old, figures(hit=135e-6), 0.3)
    assert not fine
    assert [line for line in text.splitlines() if "WORSE" in line] == [
        line for line in text.splitlines() if line.startswith("exact hit")
    ]


def test_an_older_run_that_shares_nothing_is_no_comparison():
    assert not tables.compare({}, figures(hit=1e-4), 0.3)[1]


def test_the_table_takes_the_place_of_the_one_before():
    page = "before\n<!-- hits -->\nold\n<!-- /hits -->\nbehind"
    assert tables.put(page, "new") == "before\n<!-- hits -->\nnew\n<!-- /hits -->\nbehind"
