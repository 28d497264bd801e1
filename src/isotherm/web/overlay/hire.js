// @ts-check
/**
 * Finds a worker for the live heat, where the browser and the page's policy let there be one.
 *
 * A worker has to be of the page's own origin, and our modules are of another: it is a `blob:` of one line, which imports them. A policy may
 * forbid that, and each try that it forbids is reported to whoever keeps the site. So it is read before: what stands in the page's `<meta>`,
 * and the headers of the page, asked of its own server without the page. What came of it is known in this tab until the overlay is closed: a
 * "no" for all pages, a "yes" of the headers for the path that it was said of.
 */

import { allowsBlobWorkers } from "./policy.js";

const STORED_AS = "isotherm.worker";
/** For a worker to come. */
const PATIENCE_MS = 3_000;
/** For a page's headers: as long as they are not there, no heat is shown. */
const HEADERS_PATIENCE_MS = 1_000;
const NO = "no";
/** So many of the paths that said yes are kept. */
const PATHS_MAX = 50;

/**
 * @param {AbortSignal} signal  ends the worker too, after what was ordered last
 * @returns {Promise<{worker: Worker, originMs: number} | null> | null}  `originMs`: where its clock begins, ms since the epoch; null: there can
 *   be none
 */
export function hire(signal) {
  if (typeof Worker !== "function" || !("transferControlToOffscreen" in HTMLCanvasElement.prototype)) return null;
  const script = new URL("./worker.js", import.meta.url);
  signal.addEventListener("abort", forget);
  if (recall() === NO) return null;
  return script.origin === location.origin ? own(script, signal) : other(script, signal);
}

/** Isotherm serves the page itself. @param {URL} script @param {AbortSignal} signal */
async function own(script, signal) {
  const hired = await start(script.href, signal);
  if (!hired) remember(NO, signal);
  return hired;
}

/** @param {URL} script @param {AbortSignal} signal */
async function other(script, signal) {
  const hired = (await allowed(script, signal)) ? await startBlob(script, signal) : null;
  if (!hired) remember(NO, signal);
  return hired;
}

/** @param {URL} script @param {AbortSignal} signal */
async function startBlob(script, signal) {
  if (signal.aborted) return null;
  const address = URL.createObjectURL(new Blob([`import ${JSON.stringify(script.href)};`], { type: "text/javascript" }));
  const hired = await start(address, signal);
  URL.revokeObjectURL(address);
  return hired;
}

/** Reads the page each time, and asks for its headers where its path is a new one. @param {URL} script @param {AbortSignal} signal */
async function allowed(script, signal) {
  try {
    const metas = document.querySelectorAll("meta[http-equiv='content-security-policy' i]");
    const written = [...metas].map((meta) => meta.getAttribute("content") ?? "");
    if (!allowsBlobWorkers(written, script)) return false;
    const [loaded] = performance.getEntriesByType("navigation"); // its address, also where the page has given itself another one since
    const page = new URL(loaded?.name ?? location.href);
    const paths = recall()?.split("\n") ?? [];
    if (paths.includes(page.pathname)) return true;
    if (!(await headersAllow(page, script, signal))) return false;
    remember([...paths, page.pathname].slice(-PATHS_MAX).join("\n"), signal);
    return true;
  } catch {
    return false;
  }
}

/** What a policy would only report is left alone as well. @param {URL} page @param {URL} script @param {AbortSignal} signal */
async function headersAllow(page, script, signal) {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(HEADERS_PATIENCE_MS)]);
  const { ok, headers } = await fetch(page, { method: "HEAD", mode: "same-origin", signal: patience });
  const policies = ["content-security-policy", "content-security-policy-report-only"].map((name) => headers.get(name) ?? "");
  return ok && allowsBlobWorkers(policies, script);
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

/** @param {string} answer  `NO`, or paths that said yes, a line each @param {AbortSignal} signal  one that has ended leaves nothing behind */
function remember(answer, signal) {
  if (signal.aborted) return;
  try {
    sessionStorage.setItem(STORED_AS, answer);
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
