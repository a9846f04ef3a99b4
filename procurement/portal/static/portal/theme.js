// Light or dark, before anything is painted: the reader's choice in this browser, else the system's.
(function () {
  const KEY = "longlead-theme";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try {
      return window.localStorage.getItem(KEY);
    } catch (error) {
      return null;
    }
  }
  function apply() {
    const theme = chosen() || (system.matches ? "dark" : "light");
    root.setAttribute("data-bs-theme", theme);
    document.querySelectorAll("[data-theme-toggle]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(theme === "dark"));
    });
  }
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-theme-toggle]");
    if (!button) return;
    const next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    try {
      window.localStorage.setItem(KEY, next);
    } catch (error) {
      /* Without storage the choice holds for this page only. */
    }
    root.setAttribute("data-bs-theme", next);
    button.setAttribute("aria-pressed", String(next === "dark"));
  });
})();
