// Runs before the page is painted, so that a dark page never flashes white.
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* storage is off: follow the system */ }
  const apply = () => { root.dataset.bsTheme = chosen || (dark.matches ? "dark" : "light"); };
  window.theme = {
    get: () => chosen || "system",
    set: (name) => {
      chosen = name === "system" ? null : name;
      try { chosen ? localStorage.setItem("theme", chosen) : localStorage.removeItem("theme"); } catch { /* this page only */ }
      apply();
      window.dispatchEvent(new Event("themechange"));
    },
  };
  dark.addEventListener("change", () => { apply(); window.dispatchEvent(new Event("themechange")); });
  apply();
})();
