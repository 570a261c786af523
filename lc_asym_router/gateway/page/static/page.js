// The gateway's page. The key is kept in this module's memory alone; every text is drawn as text.

import {
  bars, columns, count, el, folded, legend, nothing, percent, put, seconds, table, timeline, usd,
} from "./draw.js";

const REFRESH_MS = 15_000;
const at = (id) => document.getElementById(id);
let key = "";
let drawn = [];
let asking = 0;

// asking the gateway -------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  const headers = { ...(options.headers ?? {}) };
  if (key) headers.Authorization = `Bearer ${key}`;
  const response = await fetch(new URL(path, document.baseURI), {
    ...options, headers, cache: "no-store", credentials: "omit",
  });
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Refused(response.status, body.error?.message ?? `HTTP ${response.status}`);
  }
  return response;
}

const json = async (path) => (await ask(path)).json();

/** What an admin alone may see: null for others. */
async function ifAdmin(path) {
  try {
    return await json(path);
  } catch (error) {
    if (error.status === 403) return null;
    throw error;
  }
}

// drawing ------------------------------------------------------------------------------------

function tile(name, value) {
  return el("div", { class: "tile" }, el("b", {}, value), el("span", {}, name));
}

function tierNames(rows, state) {
  const known = (state?.routers ?? []).flatMap((router) => router.tiers.map((tier) => tier.name));
  return [...new Set([...known, ...rows.flatMap((row) => Object.keys(row.tiers))])];
}

function drawOverview(found, state) {
  if (!found.ledger) {
    put("tiles");
    for (const id of ["requests", "cost", "checks"]) {
      put(id, nothing("There is no ledger: serve with a database to see figures."));
    }
    return;
  }
  const { total, rows, by } = found;
  const tiers = tierNames([total, ...rows], state);
  put("tiles",
    tile("requests", count(total.requests)),
    ...tiers.slice(0, 4).map((tier) =>
      tile(`answered by ${tier}`, percent(total.answered ? (total.tiers[tier] ?? 0) / total.answered : null))),
    tile("escalated", percent(total.escalation_rate)),
    tile("failed", count(total.failed)),
    tile(total.unknown_cost ? `cost; ${count(total.unknown_cost)} unknown` : "cost", usd(total.cost_usd)),
    tile("saved, estimated", usd(total.saved_usd)),
    tile("95 % answered within", seconds(total.p95_seconds)),
  );
  const starts = rows.map((row) => row.start);
  const classOf = (tier) => `f${tiers.indexOf(tier) % 5}`;
  const unanswered = (row) => row.requests - Object.values(row.tiers).reduce((a, b) => a + b, 0);
  put("requests",
    columns(`Requests by ${by} and tier`, starts,
      rows.map((row) => [
        ...tiers.map((tier) => [row.tiers[tier] ?? 0, classOf(tier), `${tier} ${count(row.tiers[tier])}`]),
        [unanswered(row), "f4", `no answer ${count(unanswered(row))}`],
      ]),
      rows.map(() => 0), (value) => count(Math.round(value * 10) / 10)),
    legend([...tiers.map((tier) => [tier, classOf(tier)]), ["no answer", "f4"]]),
    folded("As a table", table(`Requests by ${by}`, [
      [by, (row) => row.start],
      ["requests", (row) => count(row.requests), true],
      ...tiers.map((tier) => [tier, (row) => count(row.tiers[tier]), true]),
      ["no answer", (row) => count(unanswered(row)), true],
    ], rows)));
  put("cost",
    columns(`Cost by ${by} in USD, beside what the frontier alone would have cost`, starts,
      rows.map((row) => [[row.cost_usd ?? 0, "f0", `cost ${usd(row.cost_usd)}`]]),
      rows.map((row) => row.frontier_cost_usd ?? 0), usd),
    legend([["cost", "f0"], ["the frontier alone, estimated", "alone"]]),
    folded("As a table", table(`Cost by ${by}`, [
      [by, (row) => row.start],
      ["cost", (row) => usd(row.cost_usd), true],
      ["frontier alone", (row) => usd(row.frontier_cost_usd), true],
    ], rows)));
  const checks = Object.entries(total.failed_checks);
  put("checks", checks.length
    ? bars("Answers that each check failed", checks.map(([name, n]) => [name, n, count(n)]), "f2")
    : nothing("No answer failed a check."));
}

const WORST = { open: "bad", half_open: "calm", closed: "good" };

function drawState(state) {
  for (const section of document.querySelectorAll(".admin")) section.hidden = state === null;
  if (state === null) return;
  at("version").textContent = state.version;
  put("breakers", state.routers.flatMap((router) => [
    state.routers.length > 1 ? el("h3", {}, router.name) : null,
    table("Circuit breakers", [
      ["tier", (tier) => tier.name],
      ["model", (tier) => tier.model],
      ["breaker", (tier) => {
        const found = router.breakers[tier.name];
        return el("span", { class: WORST[found] ?? "dim" }, found?.replace("_", " ") ?? "none");
      }],
    ], router.tiers),
    router.budgets.length ? table("Budgets", [
      ["budget", (budget) => budget.name],
      ["per", (budget) => (budget.every && budget.per !== "day" ? `${budget.per}, each ${budget.every}` : budget.per)],
      ["used", (budget) => Object.entries(budget.limits).map(([unit, limit]) => {
        const found = budget.balance?.[unit];
        const shown = (value) => (unit === "usd" ? usd(value) : `${count(value)} ${unit}`);
        return found
          ? meter(`${budget.name}: ${unit}`, found.spent + found.reserved, limit, shown)
          : el("span", { class: "dim" }, `limit ${shown(limit)}`);
      })],
    ], router.budgets) : nothing("This router has no budget of its own."),
  ]));
  put("audits", state.routers.flatMap((router) => [
    state.routers.length > 1 ? el("h3", {}, router.name) : null,
    router.audits === null
      ? nothing("Nothing is audited: Audit(share=0.02) would say what routing loses.")
      : router.audits.groups.length === 0
        ? nothing("No answer of a lower tier was audited yet.")
        : table(`Each bound holds with a probability of ${percent(router.audits.confidence)}`, [
          ["answers", (group) => (group.by === "all" ? "of all lower tiers" : `${group.by} ${group.value}`)],
          ["number", (group) => count(group.answers), true],
          ["audited", (group) => count(group.audited), true],
          ["differ", (group) => percent(group.differs.estimate), true],
          ["differ at most", (group) => percent(group.differs.at_most), true],
          ["worse", (group) => percent(group.worse.estimate), true],
          ["worse at most", (group) => percent(group.worse.at_most), true],
        ], router.audits.groups),
  ]));
}

function meter(label, value, limit, shown) {
  const share = limit ? Math.min(1, value / limit) : 0;
  return el("div", {},
    `${shown(value)} of ${shown(limit)}`,
    el("meter", { min: 0, max: 1, high: 0.9, value: share, "aria-label": label }));
}

function drawKeys(found) {
  at("keys-card").hidden = found.keys === null;
  if (found.keys === null) return;
  const limited = (used, limit, shown = count) => (limit ? `${shown(used)} of ${shown(limit)}` : shown(used));
  put("keys", table("Limits, and what is used of them", [
    ["key", (row) => row.name],
    ["state", (row) => el("span", { class: row.state === "active" ? "good" : "bad" }, row.state)],
    ["today", (row) => limited(row.usd.day.spent, row.limits.usd_per_day, usd), true],
    ["this month", (row) => limited(row.usd.month.spent, row.limits.usd_per_month, usd), true],
    ["requests, last minute", (row) => limited(row.requests_last_minute, row.limits.rpm), true],
    ["tokens, last minute", (row) => limited(row.tokens_last_minute, row.limits.tpm), true],
    ["models", (row) => row.limits.models?.join(", ") ?? "all"],
    ["ends", (row) => (row.expires_at ? new Date(1000 * row.expires_at).toISOString().slice(0, 10) : "never")],
  ], found.keys));
}

function drawDecisions(found) {
  put("decisions", found.decisions.length ? table("The newest first; no texts", [
    ["time (UTC)", (row) => row.time.slice(0, 19).replace("T", " ")],
    ["answered by", (row) => (row.outcome === "answered" ? row.tier : el("span", { class: "bad" }, `${row.outcome} ${row.error ?? ""}`))],
    ["model", (row) => row.model ?? "–"],
    ["decided", (row) => row.decided_tier ?? "–"],
    ["complexity", (row) => (row.complexity === null ? "–" : `${row.complexity.toFixed(2)} of ${row.threshold?.toFixed(2) ?? "–"}`), true],
    ["escalated", (row) => (row.escalated ? "yes" : "no")],
    ["vouched by", (row) => row.vouched ?? "–"],
    ["attempts", (row) => count(row.attempts), true],
    ["cost", (row) => usd(row.cost_usd), true],
    ["saved", (row) => usd(row.saved_usd), true],
    ["time taken", (row) => seconds(row.seconds), true],
    ["tags", (row) => row.tags.join(", ")],
  ], found.decisions) : nothing("No request yet."));
}

async function drawDrawings(state) {
  for (const url of drawn) URL.revokeObjectURL(url);
  drawn = [];
  const parts = [];
  for (const router of state?.routers ?? []) {
    const text = await (await ask(`api/drawing?router=${encodeURIComponent(router.name)}`)).blob();
    const url = URL.createObjectURL(text);
    drawn.push(url);
    if (state.routers.length > 1) parts.push(el("h3", {}, router.name));
    const tiers = router.tiers.map((tier) => `${tier.name} (${tier.model})`).join(", ");
    parts.push(el("img", { class: "drawing", src: url, alt: `The router's graph, from classify to the tiers ${tiers}` }));
  }
  put("drawings", parts);
}

// refreshing ---------------------------------------------------------------------------------

async function refresh(first = false) {
  const turn = ++asking;
  try {
    const span = encodeURIComponent(at("span").value);
    const [found, state, keys, decisions] = await Promise.all([
      json(`api/overview?span=${span}`), ifAdmin("api/state"), json("api/keys"), json("api/decisions"),
    ]);
    if (turn !== asking) return;
    drawOverview(found, state);
    drawState(state);
    drawKeys(keys);
    drawDecisions(decisions);
    if (first) await Promise.all([drawDrawings(state), drawModels()]);
    show(true);
    at("status").textContent = `As of ${new Date().toLocaleTimeString()}`;
  } catch (error) {
    if (turn !== asking) return;
    if (error.status === 401) {
      at("key-error").textContent = key ? error.message : "";
      forget();
    } else {
      at("status").textContent = `The figures can't be read: ${error.message}`;
    }
  }
}

async function drawModels() {
  const { data } = await json("v1/models");
  put("model", data.map((model) => el("option", { value: model.id }, model.id)));
}

function show(open) {
  at("main").hidden = !open;
  at("key-section").hidden = open;
  at("forget").hidden = !open || !key;
  at("span-form").hidden = !open;
}

function forget() {
  key = "";
  asking++;
  at("key").value = "";
  at("status").textContent = "";
  for (const id of ["tiles", "requests", "cost", "checks", "breakers", "audits", "keys", "drawings",
    "decisions", "answer", "model"]) put(id);
  show(false);
  at("key").focus();
}

// trying a prompt ----------------------------------------------------------------------------

async function tryPrompt() {
  at("ask").disabled = true;
  put("answer", nothing("Asking…"));
  try {
    const response = await ask("v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        model: at("model").value,
        messages: [{ role: "user", content: at("prompt").value }],
      }),
    });
    drawAnswer(await response.json());
  } catch (error) {
    put("answer", el("p", { class: "bad" }, error.message));
  } finally {
    at("ask").disabled = false;
  }
}

function drawAnswer(body) {
  const { router } = body;
  const calls = router.attempts ?? [];
  const colour = (call) => (call.error ? "f2" : call.passed === false ? "f2" : "f3");
  const said = (call) => [
    call.error ? `failed: ${call.error}` : call.passed === false ? `failed ${call.check ?? "its check"}` : "passed",
    seconds(call.seconds), usd(call.cost_usd),
  ].join(", ");
  put("answer",
    el("pre", {}, body.choices[0].message.content ?? ""),
    el("p", {},
      `Answered by ${router.tier} (${body.model}); vouched by ${router.vouched ?? "nothing"}; cost ${usd(router.cost_usd)}; saved ${usd(router.saved_usd)}.`),
    el("p", { class: "dim" }, router.decision?.reason ?? ""),
    timeline("Calls of this request, one after the other",
      calls.map((call) => [call.tier, call.seconds ?? 0, colour(call), said(call)])),
    folded("As a table", table("Calls of this request", [
      ["tier", (call) => call.tier],
      ["model", (call) => call.model],
      ["outcome", said],
    ], calls)));
}

// events -------------------------------------------------------------------------------------

at("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value.trim();
  at("key").value = "";
  at("key-error").textContent = "";
  refresh(true).then(() => at("main").hidden || at("main").focus({ preventScroll: true }));
});
at("try-form").addEventListener("submit", (event) => {
  event.preventDefault();
  tryPrompt();
});
at("span-form").addEventListener("submit", (event) => event.preventDefault());
at("forget").addEventListener("click", forget);
at("refresh").addEventListener("click", () => refresh(true));
at("span").addEventListener("change", () => refresh());
setInterval(() => {
  if (!document.hidden && !at("main").hidden) refresh();
}, REFRESH_MS);
show(false);
at("key-section").hidden = true;
refresh(true);
