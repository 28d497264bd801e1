// @ts-check
/** How the pipeline does, in one word and one colour. */
import { span } from "../shared/format.js";

/** Above this lag the picture is no longer "now". */
export const LAG_MAX_MS = 1000;
/** A server says something each second; after this the line is silent. */
export const SILENT_MS = 5000;

/**
 * @typedef {object} Pipeline
 * @property {number} visitors @property {number} connections @property {number} viewers
 * @property {number} samples_per_second @property {number} messages_per_second @property {number} accepted
 * @property {number} lag_ms @property {boolean} ready @property {string | null} why
 * @property {number} window_ms @property {number} hop_ms @property {number} grid_size @property {string} runtime
 */
/** @typedef {{tone: "good" | "warn" | "bad" | "", word: string, why: string}} Health */

/**
 * @param {import("../shared/live_socket.js").SocketState} link
 * @param {Pipeline | null} pipeline  as last heard; null where nothing was heard yet
 * @param {number} silentMs  since it was heard
 * @returns {Health}
 */
export function healthOf(link, pipeline, silentMs) {
  if (!pipeline) {
    return link === "lost"
      ? { tone: "bad", word: "No connection", why: "The server does not answer. Trying again." }
      : { tone: "", word: "Connecting", why: "Waiting for the server's first word." };
  }
  if (link !== "open") return { tone: "bad", word: "No connection", why: "What you see is what was last heard. Trying again." };
  if (silentMs > SILENT_MS) return { tone: "warn", word: "Silent", why: `The server has said nothing for ${span(silentMs)}.` };
  if (!pipeline.ready) return { tone: "bad", word: "Not ready", why: pipeline.why ?? "The server takes no events now." };
  if (pipeline.lag_ms > LAG_MAX_MS) {
    return { tone: "warn", word: `${span(pipeline.lag_ms)} behind`, why: "Heat is shown later than it should be: the pipeline is behind the clock." };
  }
  return { tone: "good", word: "Live", why: `Heat is ${span(pipeline.lag_ms)} behind the clock.` };
}
