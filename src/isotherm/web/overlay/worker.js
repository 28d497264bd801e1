// @ts-check
/**
 * The live heat on a thread beside the page's: the socket and the drawing are here, so that the page's own thread hears of neither, but once
 * a second. What is said goes as `[name, ...arguments]`: orders to the station, reports from it (`station.js`; the other end is `live.js`).
 */

import { Station, shape } from "./station.js";

/** @type {Station | null} */
let station = null;
const ending = new AbortController();
let toldShade = 0;

/** @type {import("./station.js").Reports} */
const reports = {
  state: (state) => postMessage(["state", state]),
  news: (news) => {
    toldShade = news.shade;
    const heat = shape(news.heat);
    heat.counts = heat.counts.slice();
    postMessage(["news", { ...news, heat }], { transfer: [heat.counts.buffer] });
  },
  spots: (told, turn) => postMessage(["spots", told, turn]),
  token: (token) => postMessage(["token", token]),
  due: () => station?.paint(),
};

addEventListener("message", (/** @type {MessageEvent<[string, ...any[]]>} */ { data: [name, ...args] }) => {
  if (name === "open") station = new Station({ ...args[0], signal: ending.signal, reports });
  else if (name === "close") end();
  else if (name === "ping") postMessage(["pong"]);
  else if (station) obey(station, name, args);
});
postMessage(["ready", performance.timeOrigin]);

/** @param {Station} of @param {string} name @param {any[]} args */
function obey(of, name, args) {
  const orders = /** @type {Record<string, (...args: any[]) => void>} */ (/** @type {unknown} */ (of));
  orders[name](...args);
  // A picture that was ordered is one that the page waits for.
  if (of.shade !== toldShade) postMessage(["shade", (toldShade = of.shade), of.turn]);
}

function end() {
  ending.abort();
  close();
}
