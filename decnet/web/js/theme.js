// Light or dark: as the system has it, unless somebody chose. Loaded before anything is painted.
"use strict";

(() => {
  const KEY = "decnet.theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function show(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  window.theme = {
    isDark: () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark",
    toggle() {
      const theme = this.isDark() ? "light" : "dark";
      // What the system has needs no remembering.
      const same = (theme === "dark") === system.matches;
      try {
        if (same) localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, theme);
      } catch {
        // Without storage the choice lasts until the page is left.
      }
      show(same ? null : theme);
    },
  };
  show(chosen());
})();
