// @ts-check
/**
 * The address of a page: its site's origin, its path, and in the fragment the overlay's token and range of time.
 *
 * Origin and path came from visitors' browsers. Only http and https are opened, and the path is set by the URL parser, so that no
 * path can reach another host (`//elsewhere`) or end before its fragment.
 */

/**
 * The origin of what somebody typed or sent; null where it is none that can be opened.
 * @param {string | null | undefined} text  `https://shop.example/anything`, `shop.example`, `localhost:3000`
 * @returns {string | null}
 */
export function originOf(text) {
  const typed = (text ?? "").trim();
  if (!typed) return null;
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `${isLocal(typed) ? "http" : "https"}://${typed}`;
  try {
    const url = new URL(full);
    return url.protocol === "https:" || url.protocol === "http:" ? url.origin : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} origin  from `originOf`
 * @param {string} path  as the server writes it: decoded, but for %2F %3F %23 %25
 * @param {string} token
 * @param {string} [range]  as a query; empty: live
 */
export function overlayAddress(origin, path, token, range = "") {
  const url = new URL(origin);
  url.pathname = path;
  url.hash = `isotherm=${token}${range && `&${range}`}`;
  return url.href;
}

/** @param {string} typed */
function isLocal(typed) {
  return /^(localhost|[^/]*\.localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(typed);
}
