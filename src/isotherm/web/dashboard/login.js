// @ts-check
/**
 * The login page: copies the command, says when a link was of no use any more, and goes on by itself once the link has been opened
 * in another tab of this browser.
 */
import { watchCopyButtons } from "../shared/copy_button.js";

/** The page is served in place of the one that was asked for; `/login` itself leads to the dashboard. */
const NEXT = location.pathname === "/login" ? "/" : location.pathname;

async function goOnIfWelcome() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/api/topics");
    if (answer.ok) location.replace(NEXT);
  } catch {
    // No server just now: the next look at this page asks again.
  }
}

/** A link that does not open anything leads here by a redirection; nothing else does. */
function cameByUselessLink() {
  const [navigation] = performance.getEntriesByType("navigation");
  return location.pathname === "/login" && navigation instanceof PerformanceNavigationTiming && navigation.redirectCount > 0;
}

const used = document.getElementById("used");
if (used) used.hidden = !cameByUselessLink();
watchCopyButtons();
document.addEventListener("visibilitychange", goOnIfWelcome);
addEventListener("focus", goOnIfWelcome);
