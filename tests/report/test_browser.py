"""The page in a real browser: sorting, filtering, both languages, by keyboard, on a phone, in the dark and on paper."""

import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import make_run

from rungwise.evaluation import Results
from rungwise.language import Language, catalogue
from rungwise.report import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
]
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser: none of {', '.join(BROWSERS)}")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address():
    """The page of a run on three classes."""
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        rows = [f"{('good', 'bad', 'so so')[i % 3]} film {i} of {rng.integers(1e6)}" for i in range(360)]
        frame = pd.DataFrame({"text": rows, "label": [("好", "坏", "一般")[i % 3] for i in range(360)]})
        make_run(Path(folder), frame, target="label")
        yield write_report(Results(Path(folder))).as_uri()


@pytest.fixture
def opened(browser, address):
    """Opens the page with the settings of a context; what it complains of, or asks of the network, fails the test."""
    contexts, complaints = [], []

    def open_page(fragment="", **settings):
        context = browser.new_context(**{"locale": "en-US", **settings})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda request: complaints.append(request.url) if is_outside(request.url) else None
        )
        page.goto(address + fragment)
        return page

    def is_outside(url):
        return not url.startswith(("file:", "data:"))

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def column(page, table, number):
    cells = page.locator(f"#{table} + .scroll tbody tr:not(.note) > :nth-child({number})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_columns_sort_by_what_they_mean(opened):
    page = opened()
    heading = page.locator("#caption-leaderboard + .scroll th").filter(has_text="Test").first
    assert heading.get_attribute("aria-sort") is None
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"  # the best first
    scores = [float(text.split()[0]) for text in column(page, "caption-leaderboard", 2)]
    assert scores == sorted(scores, reverse=True)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [float(text.split()[0]) for text in column(page, "caption-leaderboard", 2)] == scores[::-1]
    other = page.locator("#caption-leaderboard + .scroll th").first
    other.get_by_role("button").press("Enter")
    assert (other.get_attribute("aria-sort"), heading.get_attribute("aria-sort")) == ("ascending", None)
    assert [name.split()[0] for name in column(page, "caption-leaderboard", 1)] == ["baseline", "lstm", "svm"]


def visible_examples(page):
    return page.locator(".examples > li:visible")


def test_errors_are_filtered_by_rung_by_pair_and_by_text(opened):
    page = opened()
    panel = page.locator('[data-panel="errors"]:visible')
    assert panel.count() == 1
    page.locator('[data-choice="errors"]').select_option("baseline")
    assert panel.get_attribute("data-value") == "baseline"
    assert visible_examples(page).count() == 6
    panel.get_by_role("button", name="Show all").click()
    total = visible_examples(page).count()
    assert total == 20
    assert panel.locator("[data-shown]").inner_text() == "20"
    pairs = panel.locator('[data-filter="pair"]')
    pair = pairs.locator("option").nth(1).get_attribute("value")
    pairs.select_option(pair)
    true, predicted = pair.split(" → ")
    assert 0 < visible_examples(page).count() < total
    for text in visible_examples(page).all_inner_texts():
        assert f"true {true}" in text
        assert f"predicted {predicted}" in text
    pairs.select_option("")
    words = visible_examples(page).nth(2).locator("blockquote").inner_text()
    panel.locator('[data-filter="text"]').fill(words.upper())
    assert visible_examples(page).count() == 1
    panel.locator('[data-filter="text"]').fill("nobody wrote this")
    assert visible_examples(page).count() == 0


def test_a_cell_of_the_matrix_filters_its_examples(opened):
    page = opened()
    page.locator('[data-choice="errors"]').select_option("baseline")
    page.locator(".matrix:visible td.choosing").first.click()
    chosen = page.locator('[data-filter="pair"]:visible').input_value()
    assert " → " in chosen
    assert 0 < visible_examples(page).count() < 20


def test_the_page_speaks_chinese_at_a_click_and_keeps_to_it(opened):
    page = opened()
    root = page.locator("html")
    assert root.get_attribute("lang") == "en"
    assert "Take lstm" in page.locator("h1").inner_text()
    button = page.get_by_role("button", name="中文")
    button.click()
    assert root.get_attribute("lang") == "zh-CN"
    assert button.get_attribute("aria-pressed") == "true"
    assert "选用 lstm" in page.locator("h1").inner_text()
    page.reload()
    assert root.get_attribute("lang") == "zh-CN"
    page.get_by_role("button", name="English").click()
    assert "Take lstm" in page.locator("h1").inner_text()


def test_no_english_stays_where_chinese_is_spoken(opened):
    """Of the catalogue's templates; reasons of the data and names of settings may be English."""
    page = opened(locale="zh-CN")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    seen = page.locator("body").inner_text()
    attributes = page.evaluate(
        "[...document.querySelectorAll('[aria-label],[alt]')].map((e) => e.ariaLabel ?? e.alt)"
        ".concat([...document.querySelectorAll('svg title')].map((e) => e.textContent)).join('\\n')"
    )
    fragments = {
        fragment.strip()
        for template in catalogue(Language.CHINESE)
        for fragment in re.split(r"\{.*?\}", template)
        if len(re.findall(r"[A-Za-z]+", fragment)) >= 3
    }
    assert [fragment for fragment in fragments if fragment in seen + attributes] == []


def test_the_address_can_ask_for_a_language(opened):
    assert opened("#lang=zh-CN").locator("html").get_attribute("lang") == "zh-CN"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(opened, scheme):
    page = opened(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    paper, ink = page.evaluate(
        "(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink)]
    assert (brightness[0] < brightness[1]) == (scheme == "dark")


def test_every_control_is_reached_by_keyboard(opened):
    page = opened()
    reached = set()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(120):
        reached.add(page.evaluate("document.activeElement.dataset.key ??= String(Math.random())"))
        page.keyboard.press("Tab")
    kinds = ("button", "select", "input:checked", "input[type=search]", "a", "summary", ".point[tabindex]")
    controls = page.locator(", ".join(f"{kind}:visible" for kind in kinds))
    missed = [
        control.evaluate("(element) => element.outerHTML.slice(0, 80)")
        for control in controls.all()
        if control.get_attribute("data-key") not in reached
    ]
    assert missed == []


def test_a_point_of_the_chart_says_what_it_is(opened):
    page = opened()
    point = page.get_by_role("img", name=re.compile(r"^lstm: [\d.]+ \([\d.]+ to [\d.]+\)")).first
    point.focus()
    assert "lit" in page.locator('tr[data-rung="lstm"]').first.get_attribute("class")


def test_landmarks_and_headings_are_in_order(opened):
    page = opened()
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation").count() == 1
    assert page.get_by_role("contentinfo").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    for name in ("What to do next", "Score against cost", "Leaderboard"):
        assert page.get_by_role("region", name=name, exact=True).count() == 1
    for table in page.locator("table:visible").all():
        assert page.locator(f"#{table.get_attribute('aria-labelledby')}").count() == 1


def test_paper_has_no_controls_and_everything_unfolded(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("button:visible, select:visible, input:visible").count() == sortable(page)
    sync_api.expect(page.locator("details:not([open])")).to_have_count(0)
    assert (
        page.locator('figure[data-panel="cost"]:visible').count()
        == page.locator('figure[data-panel="cost"]').count()
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    sync_api.expect(page.locator("details[open]")).to_have_count(0)


def sortable(page):
    """Headings of tables, which are plain text on paper."""
    return page.locator("thead button:visible").count()


def test_without_scripts_everything_is_shown_in_english(opened):
    page = opened(java_script_enabled=False, locale="zh-CN")
    assert page.locator("h1").inner_text().startswith("Take lstm")
    assert page.locator('[data-panel="errors"]:visible').count() == 3
    assert page.locator("button:visible, select:visible, input:visible").count() == 0
