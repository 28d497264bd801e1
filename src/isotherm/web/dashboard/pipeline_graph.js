// @ts-check
/**
 * The pipeline as a row of stages and topics, with the rates between them.
 *
 *   tracker ─> gateway ─> [clickstream] ─> group by ─> [clickstream-group-by-page] ─> aggregator ─> [heatmap] ─> live ─> overlay
 *                                             └─> [clickstream-dead-letter]
 *
 * Plain data: which node stands where, and what it says, from what the server said.
 */
import { bytes, count, plural, rate, span } from "../shared/format.js";

/**
 * @typedef {object} Topic  as `GET /api/topics` has it
 * @property {string} name @property {number} partitions @property {number} messages @property {number} messages_per_second
 * @property {number | null} bytes_per_second @property {number | null} newest_ms @property {number | null} lag
 */
/** @typedef {{kind: "stage", name: string, says: string, flow: number}} Stage  `flow`: messages a second that leave it */
/** @typedef {{kind: "topic", name: string, topic: Topic, rate: string, says: string, flow: number, bad: boolean}} TopicNode */
/** @typedef {{way: (Stage | TopicNode)[], dead: TopicNode | null, others: TopicNode[]}} Graph */

/** The topics on the data's way. A prefix may stand before each name. */
const WAY = Object.freeze({ clickstream: "clickstream", grouped: "clickstream-group-by-page", heatmap: "heatmap", dead: "clickstream-dead-letter" });

/**
 * @param {Topic[]} topics
 * @param {import("./health.js").Pipeline | null} pipeline
 * @returns {Graph}
 */
export function graphOf(topics, pipeline) {
  const find = (/** @type {string} */ name) => topics.find((topic) => topic.name === name || topic.name.endsWith(`-${name}`) || topic.name.endsWith(`.${name}`));
  const dead = find(WAY.dead);
  const clickstream = topics.find((topic) => topic.name.endsWith(WAY.clickstream));
  const grouped = find(WAY.grouped);
  const heatmap = find(WAY.heatmap);
  const onWay = new Set([dead, clickstream, grouped, heatmap]);
  const messages = pipeline?.messages_per_second ?? 0;
  const watching = pipeline?.viewers ?? 0;
  /** @type {(Stage | TopicNode | null)[]} */
  const way = [
    stage("tracker", pipeline ? plural(pipeline.visitors, "person", "people") : "", messages),
    stage("gateway", pipeline ? `${rate(pipeline.samples_per_second)} samples/s` : "", clickstream?.messages_per_second ?? 0),
    node(clickstream),
    stage("group by", lagOf(clickstream) || "samples to panes", grouped?.messages_per_second ?? 0),
    node(grouped),
    stage("aggregator", lagOf(grouped) || "panes to windows", heatmap?.messages_per_second ?? 0),
    node(heatmap),
    stage("live", pipeline ? `${span(pipeline.lag_ms)} lag` : "", watching > 0 ? (heatmap?.messages_per_second ?? 0) : 0),
    stage("overlay", pipeline ? `${count(watching)} watching` : "", 0),
  ];
  return {
    way: way.filter((one) => one !== null),
    dead: node(dead, true),
    others: topics.filter((topic) => !onWay.has(topic)).flatMap((topic) => node(topic) ?? []),
  };
}

/** @param {string} name @param {string} says @param {number} flow @returns {Stage} */
function stage(name, says, flow) {
  return { kind: "stage", name, says, flow };
}

/** @param {Topic | undefined} topic @param {boolean} [dead] @returns {TopicNode | null} */
function node(topic, dead = false) {
  if (!topic) return null;
  const size = topic.bytes_per_second === null ? "" : `${bytes(topic.bytes_per_second)}/s, `;
  return {
    kind: "topic",
    name: topic.name,
    topic,
    rate: `${rate(topic.messages_per_second)}/s`,
    says: dead ? `${count(topic.messages)} in all` : `${size}${count(topic.messages)} in all`,
    flow: topic.messages_per_second,
    bad: dead && topic.messages > 0,
  };
}

/** @param {Topic | undefined} topic */
function lagOf(topic) {
  return topic?.lag ? `${count(topic.lag)} behind` : "";
}
