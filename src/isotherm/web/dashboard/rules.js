// @ts-check
/**
 * The rules page: what is hot under which rule, made and changed here, each tried on the past while it is typed.
 *
 * Rules are asked for once a second as long as somebody looks; what fires comes by server-sent events, the log of before once. A dry run
 * begins a moment after the last key, and never while another is under way.
 */
import { LiveSocket } from "../shared/live_socket.js";
import { themeSwitch } from "../shared/theme_switch.js";
import { toast } from "../shared/toast.js";
import { html, nothing, render } from "../shared/vendor/lit-html/lit-html.js";
import { healthOf } from "./health.js";
import { formView } from "./rule_form.js";
import { fieldOf, ruleOf, typedOf } from "./rule_words.js";
import { hooksView, rulesView, toldView } from "./rules_view.js";

/** @typedef {import("./rule_words.js").Rule} Rule */
/** @typedef {import("./rule_words.js").KnownRule} KnownRule */

const RULES_EVERY_MS = 1000;
const HOOKS_EVERY_MS = 5000;
/** After the last key. */
const TRY_AFTER_MS = 350;
/** A rule that is looked at is tried anew, since the past goes on. */
const TRY_EVERY_MS = 5000;
const TRY_HOURS_EVERY_MS = 60_000;
const TOLD_MAX = 100;
/** While a rule has no name yet it is tried under this one. */
const UNNAMED = "new rule";

const parts = { link: part("link"), trouble: part("trouble"), rules: part("rules"), told: part("told"), hooks: part("hooks") };
const dialog = /** @type {HTMLDialogElement} */ (part("editor"));

const model = {
  /** @type {KnownRule[] | null} */
  rules: null,
  mayChange: false,
  refusal: "",
  /** @type {import("./rule_words.js").Reaction[] | null} */
  fired: null,
  /** @type {import("./rules_view.js").Hook[] | null} */
  hooks: null,
  /** @type {import("./overview.js").Overview | null} */
  overview: null,
  heardMs: 0,
  /** @type {import("../shared/live_socket.js").SocketState} */
  link: "connecting",
};

/** @type {import("./rule_form.js").FormModel} */
const form = { typed: typedOf(null), editing: "", sites: ["default"], pages: [], zones: [], metrics: ["share"], wrong: null, tried: null, trying: false, hours: 0, saving: false };
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

function show() {
  const pipeline = model.overview?.pipeline ?? null;
  const health = healthOf(model.link, pipeline, performance.now() - model.heardMs);
  parts.link.className = `badge ${health.tone}`;
  render(html`<span class="dot ${health.tone === "" ? "waiting" : ""}"></span><span>${health.word}</span>`, parts.link);
  parts.trouble.hidden = health.tone !== "bad";
  parts.trouble.textContent = parts.trouble.hidden ? "" : health.why;
  render(rulesView(model.rules, model.mayChange, model.refusal, { make: () => edit(null), change: edit, remove: (rule) => void remove(rule) }), parts.rules);
  render(model.refusal ? nothing : toldView(model.fired), parts.told);
  render(model.refusal ? nothing : hooksView(model.hooks, (name) => void enable(name)), parts.hooks);
  if (dialog.open) render(formView(form, formActions), dialog);
}

// -- the server

/**
 * @param {string} path @param {RequestInit} [options]
 * @returns {Promise<{status: number, said: any} | null>}  null: it can't be reached
 */
async function ask(path, options) {
  try {
    const answer = await fetch(path, options);
    const json = answer.headers.get("Content-Type")?.startsWith("application/json");
    return { status: answer.status, said: json ? await answer.json() : null };
  } catch {
    return null;
  }
}

/** @param {"PUT" | "POST"} method @param {Rule} rule @returns {RequestInit} */
function body(method, rule) {
  return { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(rule) };
}

async function askForRules() {
  if (document.hidden) return;
  const answer = await ask("/api/rules");
  if (answer === null) return;
  if (answer.status === 401) return location.reload();
  if (answer.status !== 200) {
    model.refusal = answer.status === 404 ? "This server holds no rules." : (answer.said?.error ?? `The server answered ${answer.status}.`);
  } else {
    model.refusal = "";
    model.rules = answer.said.rules;
    model.mayChange = answer.said.may_change;
    form.metrics = answer.said.metrics;
  }
  show();
}

async function askForLog() {
  const answer = await ask("/api/reactions/log");
  if (answer?.status === 200) model.fired = answer.said.fired.slice(0, TOLD_MAX);
  show();
}

async function askForHooks() {
  if (document.hidden || !model.mayChange) return;
  const answer = await ask("/api/webhooks");
  model.hooks = answer?.status === 200 ? answer.said.webhooks : answer === null ? model.hooks : null;
  show();
}

function listen() {
  const events = new EventSource("/api/reactions");
  /** @param {MessageEvent<string>} event */
  const hear = ({ data }) => {
    const told = JSON.parse(data);
    if (model.fired?.some(({ id }) => id === told.id)) return;
    model.fired = [told, ...(model.fired ?? [])].slice(0, TOLD_MAX);
    void askForRules();
  };
  events.addEventListener("hot", hear);
  events.addEventListener("cooled", hear);
  // What fired while nobody listened stands in the log.
  events.addEventListener("open", () => void askForLog());
}

// -- making and changing

/** @param {KnownRule | null} rule */
function edit(rule) {
  const pages = model.overview?.pages ?? [];
  const site = pages[0]?.site ?? "default";
  const typed = typedOf(rule, { page: pages[0]?.path, site });
  Object.assign(form, { typed, editing: rule?.name ?? "", wrong: null, tried: null, zones: [], saving: false });
  form.sites = model.overview?.sites ?? [site];
  listPages();
  render(formView(form, formActions), dialog);
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector(".entry input"))?.focus();
  void askForZones();
  soon();
}

function listPages() {
  form.pages = (model.overview?.pages ?? []).filter(({ site }) => site === form.typed.site).map(({ path }) => path).slice(0, 200);
}

async function askForZones() {
  const { page, site } = form.typed;
  if (!page.startsWith("/")) return;
  const answer = await ask(`/api/zones?${new URLSearchParams({ page, site })}`);
  if (answer?.status !== 200 || page !== form.typed.page) return;
  form.zones = answer.said.zones.map((/** @type {{zone: string}} */ { zone }) => zone);
  show();
}

/** @type {import("./rule_form.js").FormActions} */
const formActions = {
  type(field, value) {
    form.typed = { ...form.typed, [field]: value };
    if (field === "whole" && value && ["share", "unseen"].includes(form.typed.metric)) form.typed.metric = "people";
    if (form.wrong?.field === field || field === "whole") form.wrong = null;
    if (field === "site") listPages();
    if (field === "page" || field === "site") void askForZones();
    show();
    soon();
  },
  over(hours) {
    form.hours = hours;
    form.tried = null;
    show();
    soon(0);
  },
  save: () => void save(),
  close: () => dialog.close(),
};

/** Tries what is typed, a moment later. */
function soon(afterMs = TRY_AFTER_MS) {
  clearTimeout(timer);
  timer = setTimeout(() => void tryOut(), afterMs);
}

async function tryOut() {
  if (!dialog.open || form.trying) return;
  const made = ruleOf(form.typed);
  if (!("rule" in made)) {
    form.tried = null;
    // What is empty is not wrong yet.
    if (form.typed[made.field]) form.wrong = made;
    return show();
  }
  const rule = { ...made.rule, name: made.rule.name || UNNAMED };
  form.trying = true;
  show();
  const { typed, hours } = form;
  const answer = await ask(`/api/rules/dry-run${hours ? `?hours=${hours}` : ""}`, body("POST", rule));
  form.trying = false;
  if (hours !== form.hours) return soon(0);
  if (answer?.status === 503) {
    form.tried = null;
    form.wrong = { field: "", error: answer.said.error };
  } else if (answer?.status === 200) {
    form.tried = { rule, trial: answer.said };
    if (form.wrong && form.wrong.field !== "name") form.wrong = null;
  } else if (answer?.status === 422) {
    form.tried = null;
    form.wrong = { field: fieldOf(answer.said.field), error: answer.said.error };
  }
  show();
  soon(typed !== form.typed ? TRY_AFTER_MS : hours ? TRY_HOURS_EVERY_MS : TRY_EVERY_MS);
}

async function save() {
  const made = ruleOf(form.typed);
  if ("rule" in made && !made.rule.name) form.wrong = { field: "name", error: "It needs a name, by which you will know it." };
  else if (!("rule" in made)) form.wrong = made;
  else {
    const taken = !form.editing && model.rules?.some(({ name }) => name === made.rule.name);
    if (taken) form.wrong = { field: "name", error: "There is a rule of that name. Take another, or change that one." };
    else return send(made.rule);
  }
  show();
  focusWrong();
}

/** @param {Rule} rule */
async function send(rule) {
  form.saving = true;
  show();
  const answer = await ask("/api/rules", body("PUT", rule));
  form.saving = false;
  if (answer?.status === 200) {
    dialog.close();
    toast(form.editing ? `“${rule.name}” is changed and holds from now on.` : `“${rule.name}” holds from now on.`);
    return askForRules();
  }
  form.wrong =
    answer === null
      ? { field: "", error: "The server can’t be reached. What you typed is still here: try again." }
      : { field: fieldOf(answer.said?.field), error: answer.status === 401 ? "You may not change rules any more: log in again." : (answer.said?.error ?? `The server answered ${answer.status}.`) };
  show();
  focusWrong();
}

function focusWrong() {
  /** @type {HTMLElement | null} */ (dialog.querySelector('[aria-invalid="true"]'))?.focus();
}

/** @param {KnownRule} rule */
async function remove(rule) {
  const answer = await ask(`/api/rules?${new URLSearchParams({ name: rule.name })}`, { method: "DELETE" });
  if (answer?.status !== 204 && answer?.status !== 404) {
    return toast(answer === null ? "The server can’t be reached: the rule stands." : (answer.said?.error ?? `The server answered ${answer.status}.`));
  }
  const { fixed: _fixed, hot: _hot, ...again } = rule;
  toast(`“${rule.name}” is removed.`, { label: "Undo", run: () => void ask("/api/rules", body("PUT", again)).then(askForRules) });
  return askForRules();
}

/** @param {string} name */
async function enable(name) {
  const answer = await ask(`/api/webhooks/enable?${new URLSearchParams({ name })}`, { method: "POST", headers: { "Content-Type": "application/json" } });
  if (answer?.status !== 204) toast(answer?.said?.error ?? "The server can’t be reached.");
  await askForHooks();
}

/** @param {string} id */
function part(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`rules.html has no #${id}`);
  return element;
}

themeSwitch(part("theme"));
new LiveSocket("/api/overview", {
  onMessage: (/** @type {import("./overview.js").Overview} */ overview) => {
    model.overview = overview;
    model.heardMs = performance.now();
    show();
  },
  onState: (state) => {
    model.link = state;
    show();
  },
});
show();
await askForRules();
void askForHooks();
if (!model.refusal) listen();
setInterval(askForRules, RULES_EVERY_MS);
setInterval(askForHooks, HOOKS_EVERY_MS);
