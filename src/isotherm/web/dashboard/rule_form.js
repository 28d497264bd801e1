// @ts-check
/** The form in which a rule is made or changed, with the dry run beside it that follows what is typed. */
import { icon } from "../shared/icon.js";
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";
import { metricWords } from "./rule_words.js";
import { trialView } from "./trial_view.js";

/** @typedef {import("./rule_words.js").Rule} Rule */
/** @typedef {import("./rule_words.js").Typed} Typed */

/**
 * @typedef {object} FormModel
 * @property {Typed} typed
 * @property {string} editing  the name of the rule that is changed; empty: a new one
 * @property {string[]} sites @property {string[]} pages @property {string[]} zones  to choose from
 * @property {string[]} metrics
 * @property {{field: string, error: string} | null} wrong
 * @property {{rule: Rule, trial: import("./trial_view.js").Trial} | null} tried
 * @property {boolean} trying
 * @property {number} hours  that it is tried on; 0: what the log keeps
 * @property {boolean} saving
 */
/**
 * @typedef {object} FormActions
 * @property {(field: string, value: string) => void} type
 * @property {(hours: number) => void} over
 * @property {() => void} save @property {() => void} close
 */

/** @param {FormModel} model @param {FormActions} actions */
export function formView(model, actions) {
  const { typed, editing, metrics, sites } = model;
  const { unit } = metricWords(typed.metric);
  const turned = typed.metric === "unseen";
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    actions.save();
  };
  return html`<form class="dialog-body" @submit=${submit} novalidate>
    <div class="dialog-head">
      <h2 id="editor-title">${editing ? html`Change “<bdi>${editing}</bdi>”` : "Make a rule"}</h2>
      <button type="button" class="button bare square" aria-label="Close" @click=${actions.close}>${icon("x")}</button>
    </div>
    <div class="columns-2">
      <div class="fields">
        ${editing ? nothing : text(model, actions, "name", "Name", { placeholder: "popular", hint: "What you will know it by" })}
        ${sites.length > 1 ? choice(model, actions, "site", "Site", sites.map((key) => [key, key])) : nothing}
        ${text(model, actions, "page", "Page", { placeholder: "/shop/", list: model.pages })}
        ${choice(model, actions, "whole", "Look at", [["", "a zone of the page"], ["on", "the page as a whole"]])}
        ${typed.whole ? nothing : text(model, actions, "zone", "Zone", { placeholder: "product-*", list: model.zones, hint: "A * stands for anything: each zone that fits is watched apart" })}
        ${choice(model, actions, "metric", "Fires on", metrics.filter((name) => !typed.whole || !["share", "unseen"].includes(name)).map((name) => [name, metricWords(name).asks]))}
        <div class="pair">
          ${text(model, actions, "at_least", turned ? "At most" : "At least", { unit, number: true })}
          ${text(model, actions, "hold", "For", { unit: "seconds", number: true })}
        </div>
        <div class="pair">
          ${text(model, actions, "people", turned ? "Page has at least" : "With at least", { unit: "people", number: true })}
          ${text(model, actions, "release", turned ? "Ends above" : "Cools below", { unit, number: true, placeholder: turned ? "same" : "4/5 of it" })}
        </div>
        <div class="pair">
          ${text(model, actions, "cooldown", "Then quiet for", { unit: "seconds", number: true })}
          <label class="tick">
            <input type="checkbox" .checked=${Boolean(typed.in_page)} @change=${(/** @type {Event} */ e) => actions.type("in_page", /** @type {HTMLInputElement} */ (e.target).checked ? "on" : "")} />
            <span>Tell visitors’ pages</span>
          </label>
        </div>
      </div>
      <div class="dry" aria-live="polite">
        <div class="dry-head">
          <h3>Tried on</h3>
          <div class="choice words" role="group" aria-label="Tried on">
            ${HOURS.map(([hours, words]) => html`<button type="button" aria-pressed=${hours === model.hours ? "true" : "false"} @click=${() => actions.over(/** @type {number} */ (hours))}>${words}</button>`)}
          </div>
        </div>
        ${model.tried ? trialView(model.tried.rule, model.tried.trial) : html`<p class="verdict">${model.trying ? "Trying…" : "As soon as page, zone and level stand there, this shows when the rule would have fired. Nobody is told."}</p>`}
      </div>
    </div>
    <p class="wrong" role="alert">${model.wrong && !FIELDS.has(model.wrong.field) ? model.wrong.error : nothing}</p>
    <div class="actions">
      <button class="button main" ?disabled=${model.saving}>${editing ? "Save" : "Make the rule"}</button>
      <button type="button" class="button" @click=${actions.close}>Cancel</button>
    </div>
  </form>`;
}

/** @type {[number, string][]} */
const HOURS = [[0, "Just now"], [3, "3 h"], [24, "24 h"]];

/** Fields beside which an error stands. */
const FIELDS = new Set(["name", "page", "zone", "at_least", "hold", "people", "release", "cooldown"]);

/**
 * @param {FormModel} model @param {FormActions} actions @param {string} field @param {string} label
 * @param {{unit?: string, number?: boolean, placeholder?: string, list?: string[], hint?: string}} [more]
 */
function text({ typed, wrong }, actions, field, label, { unit = "", number = false, placeholder = "", list = [], hint = "" } = {}) {
  const error = wrong?.field === field ? wrong.error : "";
  return html`<div class="entry">
    <label for=${`rule-${field}`}>${label}</label>
    <div class="field ${error ? "bad" : ""}">
      <input
        id=${`rule-${field}`}
        name=${field}
        list=${list.length > 0 ? `list-${field}` : nothing}
        inputmode=${number ? "decimal" : "text"}
        placeholder=${placeholder}
        autocomplete="off"
        spellcheck="false"
        aria-invalid=${error ? "true" : "false"}
        aria-describedby=${`about-${field}`}
        .value=${typed[field]}
        @input=${(/** @type {Event} */ event) => actions.type(field, /** @type {HTMLInputElement} */ (event.target).value)}
      />
      ${unit ? html`<span aria-hidden="true">${unit}</span>` : nothing}
      ${list.length > 0 ? html`<datalist id=${`list-${field}`}>${list.map((one) => html`<option value=${one}></option>`)}</datalist>` : nothing}
    </div>
    <p id=${`about-${field}`} class=${error ? "wrong" : "about"}>${error || hint || (unit ? html`<span class="unseen">in ${unit}</span>` : nothing)}</p>
  </div>`;
}

/** @param {FormModel} model @param {FormActions} actions @param {string} field @param {string} label @param {string[][]} options  value, words */
function choice({ typed }, actions, field, label, options) {
  return html`<div class="entry">
    <label for=${`rule-${field}`}>${label}</label>
    <div class="field">
      <select id=${`rule-${field}`} name=${field} @change=${(/** @type {Event} */ event) => actions.type(field, /** @type {HTMLSelectElement} */ (event.target).value)}>
        ${options.map(([value, words]) => html`<option value=${value} .selected=${value === typed[field]}>${words}</option>`)}
      </select>
    </div>
  </div>`;
}
