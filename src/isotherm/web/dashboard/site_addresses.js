// @ts-check
/** Where sites live, for those whose browsers never said: asked once, kept in this browser. */
import { originOf } from "./address.js";

const PREFIX = "isotherm.address.";

/** @param {string} site @returns {string | null} */
export function addressOf(site) {
  try {
    return originOf(localStorage.getItem(PREFIX + site));
  } catch {
    return null;
  }
}

/** @param {string} site @param {string} origin */
export function rememberAddress(site, origin) {
  try {
    localStorage.setItem(PREFIX + site, origin);
  } catch {
    // Storage is closed to this page: it will be asked for again.
  }
}
