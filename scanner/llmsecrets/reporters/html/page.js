
"use strict";

// Everything here comes from the repository and is shown as text: no element is ever made from a string.

const report = JSON.parse(document.getElementById("report").textContent);
const PAGE = 50;
const PLACES = 5;
const PRINTED = 2000;
const SEVERITIES = ["critical", "high", "medium", "low", "info"];
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const isAddress = (url) => /^https?:\/\//.test(url ?? "");

function link(url, text) {
  return make("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text);
}

const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
const ruleOf = (secret) => report.rules[secret.rule] || { name: secret.rule };
const firstDay = (secret) => secret.places.map((place) => place.commit?.day ?? "").filter(Boolean).sort()[0];

// What filters look at, in lower case, made once.
const index = report.secrets.map((secret) => ({
  secret,
  path: secret.places.map((place) => place.at).join("\n").toLowerCase(),
  author: secret.places.map((place) => place.commit?.author ?? "").join("\n").toLowerCase(),
}));

// ---- totals and timeline

function totals() {
  const secrets = report.secrets;
  const severities = SEVERITIES.map((name) => [name, secrets.filter((secret) => secret.severity === name).length]);
  const numbers = [
    ["secrets", secrets.length],
    ["places", secrets.reduce((sum, secret) => sum + secret.places.length, 0)],
    ...severities.filter(([, count]) => count),
  ];
  if (secrets.some((secret) => secret.standing)) {
    numbers.push(["still at HEAD", secrets.filter((secret) => secret.standing?.at_head).length]);
  }
  if (secrets.some((secret) => secret.age)) {
    numbers.push(["older than allowed", secrets.filter((secret) => secret.age?.over).length]);
  }
  for (const [name, value] of numbers) {
    byId("totals").append(make("div", {}, make("dt", {}, name), make("dd", {}, value.toLocaleString("en"))));
  }
}

const yearOf = (month) => String(Math.floor(month / 12)).padStart(4, "0");
const monthOf = (month) => `${yearOf(month)}-${String((month % 12) + 1).padStart(2, "0")}`;

// Periods from the first to the last, months or, where those would be too many, years: [name, stands, left].
function periods() {
  const dated = report.secrets.flatMap((secret) => {
    const day = /^(\d{4})-(0[1-9]|1[0-2])-/.exec(firstDay(secret) ?? "");
    return day ? [{ month: day[1] * 12 + (day[2] - 1), left: secret.standing && !secret.standing.at_head }] : [];
  });
  if (!dated.length) return [];
  const first = dated.reduce((least, { month }) => Math.min(least, month), Infinity);
  const last = dated.reduce((most, { month }) => Math.max(most, month), 0);
  const name = last - first > 60 ? yearOf : monthOf;
  const rows = new Map();
  for (let month = first; month <= last; month += 1) rows.set(name(month), [0, 0]);
  for (const { month, left } of dated) rows.get(name(month))[left ? 1 : 0] += 1;
  return [...rows].map(([period, counts]) => [period, ...counts]);
}

function timeline() {
  const rows = periods();
  if (!rows.length) return;
  byId("timeline-section").hidden = false;
  const most = Math.max(...rows.map(([, stands, left]) => stands + left));
  const width = 1000 / rows.length;
  const bars = rows.flatMap(([name, stands, left], number) => {
    const [high, low] = [(stands / most) * 100, (left / most) * 100];
    const place = { x: number * width, width: Math.min(Math.max(width - 2, 1), 40) };
    const bar = (kind, y, height) => draw("rect", { class: kind, y, height, ...place });
    const title = draw("title", {}, `${name}: ${stands} still there, ${left} only in history`);
    return [draw("g", {}, title, bar("stands", 110 - high, high), bar("left", 110 - high - low, low))];
  });
  const [first, last] = [rows[0][0], rows[rows.length - 1][0]];
  const step = Math.ceil(60 / width); // so that names do not overlap
  const named = rows.map(([name], number) => [name, number]).filter(([, number]) => number % step === 0);
  const names = named.map(([name, number]) => draw("text", { x: number * width, y: 125 }, name));
  const label = `Secrets by the time of their first commit, from ${first} to ${last}`;
  byId("timeline").append(
    draw("svg", { viewBox: "0 0 1000 130", role: "img", "aria-label": label }, ...bars, ...names),
    make("p", { class: "faint" }, "Full colour: still there today. Grey: gone from HEAD, only in history."),
  );
  const cells = (tag, values) => make("tr", {}, ...values.map((value) => make(tag, {}, String(value))));
  const head = cells("th", ["first commit", "still there", "only in history"]);
  byId("timeline-table").append(head, ...rows.map((row) => cells("td", row)));
}

// ---- one secret

function place(one) {
  const commit = one.commit;
  const since = commit ? ` ${commit.day} ${commit.sha} ${commit.author} ${commit.subject}` : "";
  const at = make("code", {}, one.at);
  return make("li", {}, isAddress(one.url) ? link(one.url, at) : at, make("span", { class: "faint" }, since));
}

function places(secret) {
  const list = make("ul", { class: "places" }, ...secret.places.slice(0, PLACES).map(place));
  if (secret.places.length > PLACES) {
    const more = make("button", { type: "button" }, `Show ${plural(secret.places.length - PLACES, "more place")}`);
    more.addEventListener("click", () => {
      list.append(...secret.places.slice(PLACES).map(place));
      more.parentElement.remove();
    });
    list.append(make("li", {}, more));
  }
  return list;
}

function card(secret) {
  const rule = ruleOf(secret);
  const certainty = [
    secret.confidence === "high" ? "" : `${secret.confidence} confidence`,
    secret.verification === "not_attempted" ? "" : secret.verification,
  ].filter(Boolean).join(", ");
  const known = Object.entries(secret.facts).map(([name, value]) => `${name}: ${value}`);
  const facts = [...known, ...secret.with.map((part) => `with ${part}`)];
  const severity = make("span", { class: "severity" }, secret.severity);
  const advice = rule.remediation ? [`What to do: ${rule.remediation} `] : [];
  if (isAddress(rule.revoke_url)) advice.push(link(rule.revoke_url, "Revoke it"));
  return make(
    "li",
    SEVERITIES.includes(secret.severity) ? { class: secret.severity } : {},
    make("h3", {}, severity, ` ${rule.name} `, make("code", {}, secret.secret)),
    make("p", { class: "faint" }, `${secret.rule}${certainty ? ` · ${certainty}` : ""}`),
    make("p", { class: "excerpt" }, make("code", {}, secret.before, make("mark", {}, secret.secret), secret.after)),
    places(secret),
    secret.age ? make("p", secret.age.over ? { class: "over" } : {}, secret.age.text) : null,
    secret.standing ? make("p", {}, secret.standing.text) : null,
    facts.length ? make("p", { class: "faint" }, facts.join("; ")) : null,
    advice.length ? make("p", {}, ...advice) : null,
  );
}

// ---- the list

let matching = index;
let page = 0;

const AGES = {
  "": () => true,
  over: (secret) => Boolean(secret.age?.over),
  30: (secret) => (secret.age?.days ?? 0) > 30,
  90: (secret) => (secret.age?.days ?? 0) > 90,
  365: (secret) => (secret.age?.days ?? 0) > 365,
};

function filter() {
  const wanted = Object.fromEntries(new FormData(byId("filters")));
  const [path, author] = [wanted.path.trim().toLowerCase(), wanted.author.trim().toLowerCase()];
  matching = index.filter(
    ({ secret, path: paths, author: authors }) =>
      (!wanted.rule || secret.rule === wanted.rule) &&
      (!wanted.severity || secret.severity === wanted.severity) &&
      (!path || paths.includes(path)) &&
      (!author || authors.includes(author)) &&
      AGES[wanted.age](secret) &&
      (!wanted.standing || (secret.standing && secret.standing.at_head === (wanted.standing === "head"))),
  );
  page = 0;
  show();
}

function show() {
  const pages = Math.max(Math.ceil(matching.length / PAGE), 1);
  const start = page * PAGE;
  const some = matching.slice(start, start + PAGE);
  byId("list").setAttribute("start", start + 1);
  byId("list").replaceChildren(...some.map(({ secret }) => card(secret)));
  const range = matching.length > PAGE ? `${start + 1} to ${start + some.length} of ` : "";
  const all = matching.length < index.length ? ` that match, of ${index.length.toLocaleString("en")}` : "";
  byId("shown").textContent = `${range}${plural(matching.length, "secret")}${all}`;
  byId("page").textContent = `Page ${page + 1} of ${pages}`;
  byId("pages").hidden = pages === 1;
  byId("previous").disabled = page === 0;
  byId("next").disabled = page === pages - 1;
}

function turn(step) {
  page += step;
  show();
  byId("list").focus();
  byId("list-title").scrollIntoView();
}

function choices() {
  const rules = [...new Set(report.secrets.map((secret) => secret.rule))];
  rules.sort((one, other) => report.rules[one].name.localeCompare(report.rules[other].name));
  const form = byId("filters").elements;
  form.rule.append(...rules.map((rule) => make("option", { value: rule }, report.rules[rule].name)));
  const severities = SEVERITIES.filter((name) => report.secrets.some((secret) => secret.severity === name));
  form.severity.append(...severities.map((name) => make("option", { value: name }, name)));
  const authors = new Set(report.secrets.flatMap((secret) => secret.places.map((one) => one.commit?.author ?? "")));
  authors.delete("");
  byId("authors").append(...[...authors].sort().slice(0, 1000).map((author) => make("option", { value: author })));
  byId("filters").addEventListener("input", filter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(filter));
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
}

// ---- what is not in the list

function further(title, lines) {
  if (!lines.length) return;
  const items = lines.slice(0, PRINTED).map((line) => make("li", {}, ...line));
  byId("more").append(make("h2", {}, `${title} (${lines.length.toLocaleString("en")})`), make("ul", {}, ...items));
}

function rest() {
  const at = (one) => make("code", {}, one.at);
  const suppressed = (one) => [at(one), ` ${ruleOf(one).name} ${one.secret} (${one.why})`];
  further("Not scanned, the result is incomplete", report.skips.map((skip) => [at(skip), ` ${skip.why}`]));
  further("Suppressed", report.suppressed.map(suppressed));
  further("Notes", report.notes.map((note) => [note]));
}

// Paper has no pages to turn: all that match are printed, within reason.
addEventListener("beforeprint", () => {
  byId("list").replaceChildren(...matching.slice(0, PRINTED).map(({ secret }) => card(secret)));
  if (matching.length > PRINTED) byId("list").append(make("li", {}, `and ${matching.length - PRINTED} more`));
});
addEventListener("afterprint", show);

totals();
timeline();
choices();
show();
rest();
