// @ts-check
/** The button that goes through the themes: as the system, light, dark. `theme.js` reads the choice at the next page. */

const THEMES = Object.freeze(["system", "light", "dark"]);
const ICONS = Object.freeze({ system: "sun-moon", light: "sun", dark: "moon" });

/** @param {HTMLElement} button  with a `<use>` inside */
export function themeSwitch(button) {
  const show = () => {
    const theme = chosen();
    button.querySelector("use")?.setAttribute("href", `/shared/vendor/lucide/lucide.svg#${ICONS[theme]}`);
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
  };
  button.addEventListener("click", () => {
    choose(THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length]);
    show();
  });
  show();
}

/** @returns {"system" | "light" | "dark"} */
function chosen() {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

/** @param {string} theme */
function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("isotherm.theme", theme);
  } catch {
    // Storage is closed to this page: the choice lasts as long as the page.
  }
}
