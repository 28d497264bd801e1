// @ts-check
/** Draws the pipeline: stages as words, topics as buttons that choose what is read below, links that flow as fast as the data does. */
import { html, nothing } from "../shared/vendor/lit-html/lit-html.js";

/** @typedef {import("./pipeline_graph.js").Graph} Graph */
/** @typedef {import("./pipeline_graph.js").TopicNode} TopicNode */
/** @typedef {import("./pipeline_graph.js").Stage} Stage */

/**
 * @param {Graph} graph @param {string} chosen  a topic's name
 * @param {(name: string) => void} choose
 */
export function graphView({ way, dead, others }, chosen, choose) {
  return html`
    <ol class="way">
      ${way.map((node, i) => {
        const branch = node.name === "group by" && dead ? html`<div class="branch">${link(dead.flow)}${topicButton(dead, chosen, choose)}</div>` : nothing;
        return html`<li class="${node.kind} ${node.kind === "stage" ? node.name.replace(" ", "-") : ""}">
          ${node.kind === "stage" ? stageWords(node) : topicButton(node, chosen, choose)} ${branch} ${i < way.length - 1 ? link(node.flow) : nothing}
        </li>`;
      })}
    </ol>
    ${others.length > 0 ? html`<div class="others"><span>Besides</span>${others.map((node) => topicButton(node, chosen, choose))}</div>` : nothing}
  `;
}

/** @param {Stage} stage */
function stageWords({ name, says }) {
  return html`<div class="stage-words"><b>${name}</b><span>${says}</span></div>`;
}

/** @param {TopicNode} node @param {string} chosen @param {(name: string) => void} choose */
function topicButton({ name, rate, says, bad }, chosen, choose) {
  return html`<button class="topic-node ${bad ? "bad" : ""}" aria-pressed=${name === chosen ? "true" : "false"} @click=${() => choose(name)}>
    <span class="topic-name">${name}</span>
    <b>${rate}</b>
    <span class="says">${says}</span>
  </button>`;
}

/** Dashes run in one of four paces, or stand still: enough for an eye, and no style to set for each tick. @param {number} flow */
function link(flow) {
  const pace = flow <= 0 ? 0 : flow < 5 ? 1 : flow < 50 ? 2 : flow < 500 ? 3 : 4;
  return html`<span class="link pace-${pace}" aria-hidden="true"></span>`;
}
