// @ts-check
/**
 * The reader's own choice of light or dark, before the first paint: a plain script in the head, without imports, so that
 * no page flashes in the wrong colours. `theme_switch.js` sets what is read here.
 */
(() => {
  try {
    const theme = localStorage.getItem("isotherm.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is closed to this page: the system's theme serves.
  }
})();
