// @ts-check
/**
 * What the panel says about how things stand. Pure: from the state of the line and the heat to words.
 *
 * Two times that are easily taken for one are kept apart: how long ago somebody last moved on the page (nobody's fault, neutral), and how
 * far the picture is behind the server's clock (the pipeline's fault, amber above a second).
 */

import { age, delay, span } from "./words.js";

/**
 * @typedef {import("./line.js").LineState} LineState
 * @typedef {import("./view.js").Choices} Choices
 * @typedef {import("./station.js").Header} Header
 *
 * @typedef {"good" | "warn" | "bad" | "waiting"} Tone
 * @typedef {{tone: Tone, text: string, aside: string, asideTone: Tone | ""}} Status
 * @typedef {{tone: "plain" | "warn" | "bad", title: string, text: string, action: "redial" | "all-devices" | "hour" | "tiles" | "elements" | "", label: string}} Notice
 *
 * @typedef {object} Moment
 * @property {LineState} line
 * @property {Readonly<Choices>} choices
 * @property {Header | null} newest  of the newest frame of this page and layer
 * @property {number} lagMs   the worst of the last frames' `sent − end`
 * @property {number} warm    tiles that are not cold
 * @property {number | null} warmElements  elements that are not cold; null: the heat is not drawn by elements
 * @property {boolean} sticks  whether it could be
 * @property {Notice | null} [scroll]  what stands in the way of the look by what is in view; left out: it is another look
 * @property {string} host
 * @property {string} ownDevice  the device class of the viewer's own window
 * @property {number} nowMs   by `performance.now()`
 * @property {boolean} past   whether the server can be asked for what was before
 * @property {boolean} [back]   whether what is shown has been: not the live window
 * @property {boolean} [alone]  whether a difference is asked for, and there was nothing before
 * @property {boolean} waits   whether an answer about the past is awaited
 * @property {boolean} failed  whether what was asked about the past last was not answered
 */

/** The pipeline is late above this. */
const LATE_MS = 1000;
/** A short break is mended before anybody has read of it. */
const BREAK_MS = 3000;

/** @type {Record<Choices["kind"], string>} */
const DONE = { move: "moved", click: "clicked", rage: "clicked in a rage", dead: "clicked in vain" };
/** What a kind is, where its name does not say it. @type {Partial<Record<Choices["kind"], string>>} */
const MEANT = {
  rage: " A rage click is one of three within a second on one spot.",
  dead: " A dead click is one after which nothing on the page changed.",
};
/** @type {Record<Choices["device"], string>} */
const DEVICES = { all: "any device", desktop: "a desktop", tablet: "a tablet", mobile: "a phone" };

/** @param {Moment} at @returns {Status} */
export function statusOf({ line, lagMs, newest, nowMs }) {
  switch (line.phase) {
    case "live": {
      const late = lagMs > LATE_MS;
      return { tone: late ? "warn" : "good", text: "Live", aside: newest ? `${delay(lagMs)} behind` : "", asideTone: late ? "warn" : "" };
    }
    case "silent":
      return { tone: "warn", text: `No word for ${age(nowMs - line.heardAtMs)}`, aside: "", asideTone: "" };
    case "lost":
      return { tone: "bad", text: "Line lost", aside: line.retryAtMs ? `next try in ${age(line.retryAtMs - nowMs + 999)}` : "", asideTone: "" };
    case "refused":
      return { tone: "bad", text: "Not let in", aside: "", asideTone: "" };
    case "blocked":
      return { tone: "bad", text: "Blocked", aside: "", asideTone: "" };
    default:
      return { tone: "waiting", text: "Connecting …", aside: "", asideTone: "" };
  }
}

/** When somebody last moved on the page. @param {Moment} at */
export function lastMovement({ newest, line, nowMs }) {
  if (!newest) return "";
  if (newest.quietMs === null) return "No movement yet";
  const quietMs = newest.quietMs + Math.max(0, nowMs - line.heardAtMs);
  return quietMs < 2000 ? "Moving now" : `Last movement ${age(quietMs)} ago`;
}

/** What stands in the way of a picture, and what to do about it; null where nothing does. @param {Moment} at @returns {Notice | null} */
export function noticeOf(at) {
  const ofHeat = () => forgotten(at) ?? emptiness(at) ?? nothingBefore(at) ?? noElements(at);
  return trouble(at) ?? (at.scroll === undefined ? ofHeat() : at.scroll) ?? otherLayout(at);
}

/** That the past is not answered says nothing about it. @param {Moment} at @returns {Notice | null} */
function forgotten({ past, failed, host }) {
  if (!past || !failed) return null;
  const text = `${host.replace(/^https?:\/\//, "")} did not answer what was asked of it. It is asked again by itself.`;
  return { tone: "warn", title: "The past can’t be read now", text, action: "", label: "" };
}

/** @param {Moment} at @returns {Notice | null} */
function trouble({ line, host, nowMs }) {
  const where = host.replace(/^https?:\/\//, "");
  switch (line.phase) {
    case "refused":
      return {
        tone: "bad",
        title: "This view is not let in",
        text: `${where} answers, but does not open this page’s heat: the pass has run out or was withdrawn. Open the heat map again from the dashboard.`,
        action: "redial",
        label: "Try again",
      };
    case "blocked":
      return {
        tone: "bad",
        title: "This page forbids the connection",
        text: `Its Content-Security-Policy keeps the browser from reaching Isotherm. Add ${host.replace("http", "ws")} to connect-src.`,
        action: "",
        label: "",
      };
    case "lost":
      if (line.heardAtMs && nowMs - line.heardAtMs < BREAK_MS) return null;
      return {
        tone: "warn",
        title: "The line is down",
        text: `${where} does not answer.${line.heardAtMs ? ` What you see is ${age(nowMs - line.heardAtMs)} old.` : ""}`,
        action: "redial",
        label: "Try now",
      };
    default:
      return null;
  }
}

/** @param {Moment} at @returns {Notice | null} */
function emptiness({ newest, warm, choices: { kind, device, range }, past, back, waits }) {
  if (!newest || warm > 0 || waits) return null;
  const done = DONE[kind];
  const meant = MEANT[kind] ?? "";
  if (past && (range !== "live" || back)) {
    const text = `Nobody ${device === "all" ? "" : `on ${DEVICES[device]} `}${done} on this page in that time, as far as it is kept.${meant}`;
    return { tone: "plain", title: "No heat in this range", text, action: "", label: "" };
  }
  if (past && device === "all") {
    return {
      tone: "plain",
      title: "No heat here now",
      text: `Nobody has ${done} on this page in the last ${span(newest.windowMs)}. It shows as soon as somebody does.${meant}`,
      action: "hour",
      label: "Show the last hour",
    };
  }
  const elsewhere = device !== "all";
  return {
    tone: "plain",
    title: "No heat here yet",
    text: `${elsewhere ? `Nobody on ${DEVICES[device]} has` : "Nobody has"} ${done} on this page in the last ${span(newest.windowMs)}. It shows as soon as somebody does.${meant}`,
    action: elsewhere ? "all-devices" : "",
    label: elsewhere ? "Show all devices" : "",
  };
}

/** @param {Moment} at @returns {Notice | null} */
function nothingBefore({ alone, waits }) {
  if (!alone || waits) return null;
  return { tone: "plain", title: "Nothing to compare with", text: "There is no heat from before, so the heat itself is shown.", action: "", label: "" };
}

/** What a tracker did not say, or what there is of now only, is not drawn by elements. @param {Moment} at @returns {Notice | null} */
function noElements({ newest, warm, warmElements, choices: { look, range, compare, reel } }) {
  if (look !== "elements" || !newest) return null;
  if (warmElements === null) {
    if (range === "live" && !compare && !reel) return null;
    return { tone: "plain", title: "Drawn in tiles", text: "By elements there is the live picture only.", action: "", label: "" };
  }
  if (warmElements > 0 || warm === 0) return null;
  const text = "What was counted does not say on which elements it lay. The tiles show it.";
  return { tone: "plain", title: "No heat by elements here", text, action: "tiles", label: "Show tiles" };
}

/** Heat of another device class lies where that layout had it, but for that on elements. @param {Moment} at @returns {Notice | null} */
function otherLayout({ newest, choices: { device, range, compare, look }, ownDevice, sticks, warmElements }) {
  if (!newest || device === "all" || device === ownDevice || typeof warmElements === "number") return null;
  const elements = sticks && range === "live" && !compare && look !== "scroll";
  const widths = { desktop: "1024 px or wider", tablet: "768 to 1023 px wide", mobile: "narrower than 768 px" };
  return {
    tone: "plain",
    title: `Heat of ${{ desktop: "desktops", tablet: "tablets", mobile: "phones" }[device]}, on another layout`,
    text: elements
      ? `To see it in its place, show it by elements, or make this window ${widths[device]}.`
      : `To see it in its place, make this window ${widths[device]}.`,
    action: elements ? "elements" : "",
    label: elements ? "Show by elements" : "",
  };
}
