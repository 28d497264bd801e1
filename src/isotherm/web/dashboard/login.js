// @ts-check
/**
 * The login page: copies the command, says when a link was of no use any more (`/login#used`), and goes on by itself once the
 * link has been opened in another tab of this browser.
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

const used = document.getElementById("used");
if (used) used.hidden = location.hash !== "#used";
watchCopyButtons();
document.addEventListener("visibilitychange", goOnIfWelcome);
addEventListener("focus", goOnIfWelcome);
