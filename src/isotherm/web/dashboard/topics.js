// @ts-check
/**
 * The topics page: the pipeline with its rates, and the live messages of the topic that is chosen in it.
 *
 * Three sources: the figures of all topics, asked for once a second; the overview, for what the stages say; and a socket with the
 * chosen topic's messages, which is opened anew for another topic or another key. The address holds the topic (`#heatmap`), so that it
 * can be sent to somebody. However fast messages come, the list is drawn four times a second.
 */
import { watchCopyButtons } from "../shared/copy_button.js";
import { LiveSocket } from "../shared/live_socket.js";
import { themeSwitch } from "../shared/theme_switch.js";
import { html, render } from "../shared/vendor/lit-html/lit-html.js";
import { graphView } from "./graph_view.js";
import { healthOf } from "./health.js";
import { Hold } from "./hold.js";
import { MessageStore, idOf } from "./message_store.js";
import { messageView } from "./message_view.js";
import { messagesView } from "./messages_view.js";
import { graphOf } from "./pipeline_graph.js";

/** @typedef {import("./message_store.js").Message} Message */

const TOPICS_EVERY_MS = 1000;
const DRAW_EVERY_MS = 250;

const parts = { link: part("link"), trouble: part("trouble"), graph: part("graph"), messages: part("messages"), message: part("message") };

const model = {
  /** @type {import("./pipeline_graph.js").Topic[]} */
  topics: [],
  /** @type {import("./health.js").Pipeline | null} */
  pipeline: null,
  heardMs: 0,
  /** @type {import("../shared/live_socket.js").SocketState} */
  link: "connecting",
  /** @type {import("../shared/live_socket.js").SocketState} */
  stream: "connecting",
  topic: decodeURIComponent(location.hash.slice(1)),
  filter: "",
  paused: false,
  /** @type {Message | null} */
  unfolded: null,
};

const store = new MessageStore();
const hold = new Hold(parts.messages, "#list", draw);
/** @type {LiveSocket<Message> | null} */
let stream = null;

/** The chosen topic's messages from now on. */
function listen() {
  stream?.close();
  model.paused = false;
  store.clear();
  const query = model.filter ? `?key=${encodeURIComponent(model.filter)}` : "";
  stream = new LiveSocket(`/api/topics/${encodeURIComponent(model.topic)}${query}`, {
    onMessage: (/** @type {Message} */ message) => store.push(message),
    onState: (state) => {
      // After a loss the newest few come again: the same messages must not stand there twice.
      if (state === "open") store.restart();
      model.stream = state;
    },
  });
}

function draw() {
  const health = healthOf(model.link, model.pipeline, performance.now() - model.heardMs);
  parts.link.className = `badge ${health.tone}`;
  render(html`<span class="dot ${health.tone === "" ? "waiting" : ""}"></span><span>${health.word}</span>`, parts.link);
  parts.trouble.hidden = health.tone !== "bad";
  parts.trouble.textContent = parts.trouble.hidden ? "" : health.why;
  store.stop(model.paused || hold.held);
  render(graphView(graphOf(model.topics, model.pipeline), model.topic, choose), parts.graph);
  render(
    messagesView(
      {
        topic: model.topic,
        messages: store.shown,
        filter: model.filter,
        paused: model.paused,
        held: hold.held,
        newer: store.newer,
        unfolded: model.unfolded ? idOf(model.unfolded) : "",
        keys: store.keys,
        waiting: model.stream !== "open",
      },
      { filter, pause, unfold },
    ),
    parts.messages,
  );
  parts.message.classList.toggle("shown", model.unfolded !== null);
  render(messageView(model.unfolded, fold), parts.message);
}

/** @param {string} name */
function choose(name) {
  if (name === model.topic) return;
  model.topic = name;
  model.filter = "";
  model.unfolded = null;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  listen();
  draw();
}

/** @param {string} key */
function filter(key) {
  if (key === model.filter) return;
  model.filter = key;
  listen();
  draw();
}

function pause() {
  model.paused = !model.paused;
  draw();
}

/** @param {Message} message */
function unfold(message) {
  model.unfolded = model.unfolded && idOf(model.unfolded) === idOf(message) ? null : message;
  draw();
}

function fold() {
  model.unfolded = null;
  draw();
}

async function askForTopics() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/api/topics");
    if (answer.status === 401) return location.reload();
    if (!answer.ok) return;
    model.topics = (await answer.json()).topics;
  } catch {
    // The badge tells of a lost connection; the figures stay as they were.
    return;
  }
  if (!model.topics.some(({ name }) => name === model.topic) && model.topics.length > 0) choose(model.topics[0].name);
}

/** @param {string} id */
function part(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`topics.html has no #${id}`);
  return element;
}

document.addEventListener("keydown", (event) => {
  const writing = event.target instanceof HTMLInputElement;
  if (event.key === "p" && !writing && !event.ctrlKey && !event.metaKey) pause();
  if (event.key === "Escape" && !writing) fold();
});
addEventListener("hashchange", () => choose(decodeURIComponent(location.hash.slice(1))));

themeSwitch(part("theme"));
watchCopyButtons();
if (model.topic) listen();
new LiveSocket("/api/overview", {
  onMessage: (/** @type {import("./overview.js").Overview} */ { pipeline }) => {
    model.pipeline = pipeline;
    model.heardMs = performance.now();
  },
  onState: (state) => {
    model.link = state;
  },
});
await askForTopics();
draw();
setInterval(askForTopics, TOPICS_EVERY_MS);
setInterval(draw, DRAW_EVERY_MS);
