// @ts-check
/**
 * A tab that the dashboard opened: shows the heat there (docs/wire.md, "The overlay's hand-over").
 *
 * The tracker loads this module instead of tracking where the address has the fragment `#isotherm=TOKEN`, which it takes out at once, or the
 * tab the name that the dashboard gave it, so visitors never load it. Behind the token may stand a range of time (`&range=hour`, `&from=…&to=…`). Where a router ate the fragment the opener is asked, and believed only
 * if it is a page of our own host. The tab keeps its mark: what is opened in it next is not tracked either.
 */

/** The tab's name, as the tracker and the dashboard know it. */
const MARK = "isotherm=";

/**
 * @param {string} host where the tracker came from, as an origin
 * @param {string} site
 * @param {(address: {pathname: string, search: string}) => string} pageOf
 * @param {string | true} fragment  the token and what stands behind it; true: the address had none
 */
export function join(host, site, pageOf, fragment) {
  mark();
  /** @param {string} token @param {{range?: string, rangeAtFirst?: string}} at */
  const show = (token, at) =>
    import("./overlay.js").then((overlay) => overlay.open({ host, site, token, pageOf, ...at })).catch(() => {}); // the page is not troubled
  if (fragment !== true) {
    const [token, ...range] = fragment.split("&");
    void show(token, { range: range.join("&") });
    return;
  }
  if (!window.opener) return;
  addEventListener("message", ({ source, origin, data }) => {
    if (source === window.opener && origin === host && typeof data?.isotherm === "string") void show(data.isotherm, { rangeAtFirst: `${data.range ?? ""}` });
  });
  window.opener.postMessage("isotherm:ready", host);
}

/** By the name it is known while its opener is; by the storage, on this site, also when a page cut itself off from it. */
function mark() {
  window.name = MARK;
  try {
    sessionStorage.isotherm = ""; // the session of nobody
  } catch {
    // A sandboxed frame has none.
  }
}
