// @ts-check
/**
 * Finds a worker for the live heat, where the browser and the page's policy let there be one.
 *
 * A worker has to be of the page's own origin, and our modules are of another: it is a `blob:` of one line, which imports them. A policy may
 * forbid that, and each try that it forbids is reported to whoever keeps the site. So it is read before: what stands in the page's `<meta>`,
 * and the headers of the page, asked of its own server without the page. What came of it is known in this tab until the overlay is closed.
 */

import { allowsBlobWorkers } from "./policy.js";

const STORED_AS = "isotherm.worker";
const PATIENCE_MS = 3_000;

/**
 * @param {AbortSignal} signal  ends the worker too, after what was ordered last
 * @returns {Promise<{worker: Worker, originMs: number} | null> | null}  `originMs`: where its clock begins, ms since the epoch; null: there can
 *   be none
 */
export function hire(signal) {
  if (typeof Worker !== "function" || !("transferControlToOffscreen" in HTMLCanvasElement.prototype)) return null;
  const script = new URL("./worker.js", import.meta.url);
  signal.addEventListener("abort", forget);
  if (recall() === "no") return null;
  return script.origin === location.origin ? own(script, signal) : other(script, signal);
}

/** Isotherm serves the page itself. @param {URL} script @param {AbortSignal} signal */
async function own(script, signal) {
  const hired = await start(script.href, signal);
  remember(hired, signal);
  return hired;
}

/** @param {URL} script @param {AbortSignal} signal */
async function other(script, signal) {
  if (recall() !== "yes" && !(await allowed(script, signal))) {
    remember(null, signal);
    return null;
  }
  if (signal.aborted) return null;
  const address = URL.createObjectURL(new Blob([`import ${JSON.stringify(script.href)};`], { type: "text/javascript" }));
  const hired = await start(address, signal);
  URL.revokeObjectURL(address);
  remember(hired, signal);
  return hired;
}

/** @param {URL} script @param {AbortSignal} signal */
async function allowed(script, signal) {
  const metas = document.querySelectorAll("meta[http-equiv='content-security-policy' i]");
  const written = [...metas].map((meta) => meta.getAttribute("content") ?? "");
  if (!allowsBlobWorkers(written, script)) return false;
  const [loaded] = performance.getEntriesByType("navigation"); // its address, also where the page has given itself another one since
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    const { headers } = await fetch(loaded?.name ?? location.href, { method: "HEAD", mode: "same-origin", signal: patience });
    return allowsBlobWorkers([headers.get("content-security-policy") ?? ""], script);
  } catch {
    return false;
  }
}

/**
 * @param {string} address @param {AbortSignal} signal
 * @returns {Promise<{worker: Worker, originMs: number} | null>}
 */
function start(address, signal) {
  return new Promise((resolve) => {
    /** @type {Worker} */
    let worker;
    try {
      worker = new Worker(address, { type: "module", name: "isotherm" });
    } catch {
      resolve(null);
      return;
    }
    const none = () => {
      clearTimeout(waiting);
      worker.terminate();
      resolve(null);
    };
    const waiting = setTimeout(none, PATIENCE_MS);
    signal.addEventListener("abort", none); // without effect on one that is there: it ends by itself
    worker.onerror = (event) => {
      event.preventDefault();
      none();
    };
    worker.onmessage = ({ data: [, originMs] }) => {
      clearTimeout(waiting);
      signal.removeEventListener("abort", none);
      worker.onmessage = null;
      worker.onerror = null;
      resolve({ worker, originMs });
    };
  });
}

/** @returns {string | null} */
function recall() {
  try {
    return sessionStorage.getItem(STORED_AS);
  } catch {
    return null;
  }
}

/** @param {object | null} hired @param {AbortSignal} signal  one that has ended leaves nothing behind */
function remember(hired, signal) {
  if (signal.aborted) return;
  try {
    sessionStorage.setItem(STORED_AS, hired ? "yes" : "no");
  } catch {
    // A page without storage is asked each time.
  }
}

function forget() {
  try {
    sessionStorage.removeItem(STORED_AS);
  } catch {
    // Nothing was kept either.
  }
}
