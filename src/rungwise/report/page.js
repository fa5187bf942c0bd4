"use strict";
// What the page does beyond showing itself; without this script everything is shown, in English.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// ------------------------------------------------------------------------------------------------ language

const ATTRIBUTES = ["aria-label", "alt"];
const spoken = [];  // [what sets a text, English, Chinese]
for (const element of all("[data-zh]")) {
  spoken.push([(text) => { element.textContent = text; }, element.textContent, element.dataset.zh]);
}
for (const name of ATTRIBUTES) {
  for (const element of all(`[data-zh-${name}]`)) {
    const set = (text) => element.setAttribute(name, text);
    spoken.push([set, element.getAttribute(name), element.getAttribute(`data-zh-${name}`)]);
  }
}

function speak(language) {
  document.documentElement.lang = language;
  for (const [set, english, chinese] of spoken) set(language === "en" ? english : chinese);
  for (const button of all("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}

const KEY = "rungwise-language";
function kept() {
  try { return localStorage.getItem(KEY); } catch { return null; }  // a file's page may have no storage
}
function keep(language) {
  try { localStorage.setItem(KEY, language); } catch { /* it is chosen for this visit only */ }
}
for (const button of all("[data-language]")) {
  button.addEventListener("click", () => { speak(button.dataset.language); keep(button.dataset.language); });
}
const asked = /\blang=(en|zh-CN)/.exec(location.hash)?.[1];
speak(asked ?? kept() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : document.documentElement.lang));

// ------------------------------------------------------------------------------------------------ contents

for (const heading of all("main section > h2")) {
  const link = document.createElement("a");
  link.href = `#${heading.id}`;
  link.append(...[...heading.childNodes].map((node) => node.cloneNode(true)));
  document.getElementById("contents").append(link);
}

// ------------------------------------------------------------- panels, of which a control chooses one to be shown

for (const control of all("[data-choice]")) {
  const panels = all(`[data-panel="${control.dataset.choice}"]`);
  const show = () => {
    const chosen = control.matches("select") ? control.value : control.querySelector("input:checked").value;
    for (const panel of panels) panel.hidden = panel.dataset.value !== chosen;
  };
  control.addEventListener("change", show);
  show();
}

// ------------------------------------------------------------------------------------------- tables, by a column

function cellAt(row, column) {
  let start = 0;
  for (const cell of row.cells) {
    start += cell.colSpan;
    if (start > column) return cell;
  }
  return null;
}

// A row with the notes beneath it.
function groups(body) {
  const found = [];
  for (const row of body.rows) {
    if (row.classList.contains("note")) found.at(-1).push(row);
    else found.push([row]);
  }
  return found;
}

function sort(table, column, sign) {
  const body = table.tBodies[0];
  const keyed = groups(body).map((rows) => {
    const cell = cellAt(rows[0], column);
    const text = cell?.textContent.trim() ?? "";
    return { rows, number: cell?.dataset.sort === undefined ? NaN : Number(cell.dataset.sort), text };
  });
  const isNumeric = keyed.some(({ number }) => !Number.isNaN(number));
  keyed.sort((a, b) => {
    if (!isNumeric) return sign * a.text.localeCompare(b.text);
    const missing = Number.isNaN(a.number) - Number.isNaN(b.number);  // what isn't known comes last either way
    return missing || (Number.isNaN(a.number) ? 0 : sign * (a.number - b.number));
  });
  body.append(...keyed.flatMap(({ rows }) => rows));
}

for (const table of all("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  let end = 0;
  for (const heading of headings) {
    end += heading.colSpan;
    const column = end - 1;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...[...heading.childNodes].filter((node) => node.nodeName !== "A"));
    heading.prepend(button);
    button.addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      const next = now ? (now === "ascending" ? "descending" : "ascending") : heading.dataset.first ?? "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", next);
      sort(table, column, next === "ascending" ? 1 : -1);
    });
  }
}

// ------------------------------------------------------------------------------------------- examples to read

const FEW = 6;
for (const panel of all('[data-panel="errors"]')) {
  const filters = panel.querySelector(".filters");
  if (!filters) continue;
  const pairs = filters.querySelector('[data-filter="pair"]');
  const search = filters.querySelector('[data-filter="text"]');
  const examples = all(".examples > li", panel).map((item) => ({
    item, pairs: JSON.parse(item.dataset.pairs), text: item.textContent.toLowerCase(),
  }));
  const more = panel.querySelector(".more");
  let isShort = examples.length > FEW;
  const filter = () => {
    const words = search.value.trim().toLowerCase();
    more.hidden = !isShort || words || pairs?.value;
    let shown = 0;
    for (const example of examples) {
      const fits = (!pairs?.value || example.pairs.includes(pairs.value)) && example.text.includes(words)
        && (more.hidden || shown < FEW);
      example.item.hidden = !fits;
      shown += fits;
    }
    filters.querySelector("[data-shown]").textContent = shown;
  };
  pairs?.addEventListener("change", filter);
  search.addEventListener("input", filter);
  more.addEventListener("click", () => {
    isShort = false;
    filter();
    examples[FEW].item.tabIndex = -1;
    examples[FEW].item.focus();  // where the reader was, as the button has gone
  });
  filter();
  if (!pairs) continue;
  const has = new Set([...pairs.options].map((option) => option.value));
  const choosing = (element, pair) => {  // for the pointer; the select is there for keyboards
    if (!has.has(pair)) return;
    element.classList.add("choosing");
    element.addEventListener("click", () => {
      pairs.value = pairs.value === pair ? "" : pair;
      filter();
      filters.scrollIntoView({ block: "nearest" });
    });
  };
  for (const row of all("tr[data-pair]", panel)) choosing(row, row.dataset.pair);
  for (const row of all(".matrix tbody tr", panel)) {
    const names = all(".matrix thead th", panel).map((heading) => heading.textContent);
    for (const cell of all("td.miss", row)) {
      choosing(cell, `${row.cells[0].dataset.name} → ${names[cell.cellIndex]}`);
    }
  }
}

// ------------------------------------------------------------------------- one rung, wherever it is on the page

const rungs = all("[data-rung]");
const light = (event, isLit) => {
  const rung = event.target.closest?.("[data-rung]")?.dataset.rung;
  if (rung) for (const each of rungs) each.classList.toggle("lit", isLit && each.dataset.rung === rung);
};
for (const [start, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  document.addEventListener(start, (event) => light(event, true));
  document.addEventListener(end, (event) => light(event, false));
}

// ------------------------------------------------------------------------------------------------ on paper

let closed = [];
function unfold() {
  closed = all("details:not([open])");
  for (const each of closed) each.open = true;
}
function fold() {
  for (const each of closed) each.open = false;
}
matchMedia("print").addEventListener("change", (event) => (event.matches ? unfold() : fold()));

document.documentElement.classList.add("scripted");
