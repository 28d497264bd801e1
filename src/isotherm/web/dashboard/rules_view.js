// @ts-check
/** The rules as a list, what fired, and the webhooks. */
import { clock, moment, plural } from "../shared/format.js";
import { icon } from "../shared/icon.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { repeat } from "../shared/vendor/lit-html/directives/repeat.js";
import { because, fires } from "./rule_words.js";

/** @typedef {import("./rule_words.js").KnownRule} KnownRule */
/** @typedef {import("./rule_words.js").Reaction} Reaction */
/**
 * @typedef {object} Hook  one of `GET /api/webhooks`
 * @property {string} name @property {string} host @property {string[]} rules @property {number} waiting @property {number | null} disabled
 * @property {{at: number, what: string} | null} newest
 */
/** @typedef {{make: () => void, change: (rule: KnownRule) => void, remove: (rule: KnownRule) => void}} RulesActions */

/** @param {KnownRule[] | null} rules  null: they have not come yet @param {boolean} mayChange @param {string} refusal @param {RulesActions} actions */
export function rulesView(rules, mayChange, refusal, actions) {
  return html`
    <div class="toolbar">
      <h2>Rules</h2>
      <span class="order">A rule says when a part of a page is hot, and who is told</span>
      ${mayChange ? html`<button class="button main" id="make" @click=${actions.make}>${icon("plus")} Make a rule</button>` : nothing}
    </div>
    ${rules !== null && !mayChange && !refusal
      ? html`<p class="notice">${icon("lock")}<span>You may look at the rules. To change them, open the link that <code>isotherm login</code> prints.</span></p>`
      : nothing}
    ${refusal ? empty("circle-alert", "No rules here", refusal) : rules === null ? ghost() : rules.length === 0 ? noRules(mayChange, actions) : list(rules, mayChange, actions)}
  `;
}

/** @param {KnownRule[]} rules @param {boolean} mayChange @param {RulesActions} actions */
function list(rules, mayChange, actions) {
  return html`<ul class="rules card" id="list">
    ${repeat(
      rules,
      ({ name }) => name,
      (rule) => html`<li class="rule" data-key=${rule.name}>
        <div class="rule-head">
          <h3><bdi>${rule.name}</bdi></h3>
          ${state(rule)}
        </div>
        <p>
          ${rule.zone === null ? html`The page <bdi class="place">${rule.page}</bdi>` : html`<bdi class="place">${rule.zone}</bdi> on <bdi class="place">${rule.page}</bdi>`}
          ${rule.site === "default" ? nothing : html`of <bdi>${rule.site}</bdi>`} ${fires(rule)}.
          ${rule.in_page ? "Visitors’ pages are told." : nothing}
        </p>
        <div class="rule-tools">
          ${rule.fixed
            ? html`<span class="fixed" title="By the settings file or the demo">${icon("lock")} Given at the start</span>`
            : mayChange
              ? html`
                  <button class="button bare square" aria-label="Change ${rule.name}" title="Change" @click=${() => actions.change(rule)}>${icon("pencil")}</button>
                  <button class="button bare square" aria-label="Remove ${rule.name}" title="Remove" @click=${() => actions.remove(rule)}>${icon("trash-2")}</button>
                `
              : nothing}
        </div>
      </li>`,
    )}
  </ul>`;
}

/** @param {KnownRule} rule */
function state({ hot, zone }) {
  if (hot.length === 0) return html`<span class="badge">Cold</span>`;
  if (zone === null) return html`<span class="badge hot"><span class="dot"></span>Hot now</span>`;
  const [first] = hot;
  return html`<span class="badge hot"><span class="dot"></span><bdi>${first}</bdi>${hot.length > 1 ? ` and ${hot.length - 1} more` : nothing} hot now</span>`;
}

/** @param {boolean} mayChange @param {RulesActions} actions */
function noRules(mayChange, actions) {
  return html`<div class="empty card">
    ${icon("bell")}
    <h3>No rule yet</h3>
    <p>
      “When a product has a quarter of the attention on the home page for three seconds, tell the shop.” It is tried on the last minutes while you type, before
      anybody is told.
    </p>
    ${mayChange ? html`<button class="button main" @click=${actions.make}>${icon("plus")} Make the first rule</button>` : nothing}
  </div>`;
}

/** @param {Reaction[] | null} fired  newest first */
export function toldView(fired) {
  if (fired === null) return nothing;
  return html`
    <div class="toolbar"><h2>What fired</h2></div>
    ${fired.length === 0
      ? html`<p class="card quiet">Nothing has fired yet.</p>`
      : html`<div class="told card">
          <table class="table">
            <caption class="unseen">What fired, newest first</caption>
            <thead>
              <tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Why</th><th scope="col">Rule</th></tr>
            </thead>
            <tbody>
              ${repeat(fired, ({ id }) => id, line)}
            </tbody>
          </table>
        </div>`}
  `;
}

/** @param {Reaction} told */
function line(told) {
  const { type, at, zone, page, rule, why } = told;
  return html`<tr class=${type}>
    <td class="when"><time title=${moment(at)}>${clock(at).slice(0, 8)}</time></td>
    <td class="what"><b>${type === "hot" ? "Hot" : "Cooled"}</b> <bdi>${zone ?? "the page"}</bdi> <span>on <bdi>${page}</bdi></span></td>
    <td class="why" title=${why}>${because(told)}</td>
    <td class="which"><bdi>${rule}</bdi></td>
  </tr>`;
}

/** @param {Hook[] | null} hooks  null: they are not for this viewer @param {(name: string) => void} enable */
export function hooksView(hooks, enable) {
  if (hooks === null) return nothing;
  return html`
    <div class="toolbar"><h2>Webhooks</h2></div>
    ${hooks.length === 0
      ? html`<p class="card quiet">None. They stand in the settings file, under <code>[[webhooks]]</code>: where to tell a server of yours what fires.</p>`
      : html`<ul class="hooks card">
          ${repeat(hooks, ({ name }) => name, (hook) => hookView(hook, enable))}
        </ul>`}
  `;
}

/** @param {Hook} hook @param {(name: string) => void} enable */
function hookView({ name, host, rules, waiting, disabled, newest }, enable) {
  return html`<li>
    <h3><bdi>${name}</bdi> <span><bdi>${host}</bdi></span></h3>
    <p>
      ${rules.length === 0 ? "Hears of all rules" : html`Hears of ${rules.map((rule, i) => html`${i ? ", " : nothing}<bdi>${rule}</bdi>`)}`};
      ${waiting === 0 ? "nothing waits" : `${plural(waiting, "message")} wait`}.
      ${newest ? html`Newest try ${clock(newest.at).slice(0, 8)}: <bdi>${newest.what}</bdi>` : nothing}
    </p>
    ${disabled === null
      ? html`<span class="badge ${waiting ? "warn" : "good"}">${waiting ? "Waiting" : "On"}</span>`
      : html`<span class="badge bad" title="It answered 410 on ${moment(disabled)}">Off</span>
          <button class="button" @click=${() => enable(name)}>Switch on</button>`}
  </li>`;
}

function ghost() {
  return html`<div class="ghost card" aria-hidden="true"></div>`;
}

/** @param {string} symbol @param {string} title @param {string} words */
function empty(symbol, title, words) {
  return html`<div class="empty card">
    ${icon(symbol)}
    <h3>${title}</h3>
    <p>${words}</p>
  </div>`;
}
