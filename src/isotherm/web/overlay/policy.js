// @ts-check
/**
 * Whether a page's Content-Security-Policy lets it have a worker that is a `blob:`. Pure: from the policies' text.
 *
 * It is asked beforehand since a worker that is tried and forbidden is reported to the site's owner as a violation.
 */

/** What says where workers may come from, the first that is there. */
const WORKERS = ["worker-src", "child-src", "script-src", "default-src"];

/**
 * @param {readonly string[]} policies  each a header's or a `<meta>`'s text, which may be several, with commas between
 * @returns {boolean}  in doubt false
 */
export function allowsBlobWorkers(policies) {
  return policies.flatMap((text) => text.split(",")).every(allows);
}

/** @param {string} policy */
function allows(policy) {
  /** @type {Map<string, string[]>} */
  const directives = new Map();
  for (const directive of policy.toLowerCase().split(";")) {
    const [name, ...sources] = directive.trim().split(/\s+/);
    if (!directives.has(name)) directives.set(name, sources); // of two of a name the first one counts
  }
  // A worker's address would have to be a trusted one, and to make such is for the page.
  if (directives.get("require-trusted-types-for")?.includes("'script'")) return false;
  if (directives.has("sandbox")) return false;
  const ruling = WORKERS.find((name) => directives.has(name));
  return ruling === undefined || (directives.get(ruling) ?? []).includes("blob:");
}
