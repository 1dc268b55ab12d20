// Runs before the page is painted, so that a dark page never flashes white.
// What a person has chosen comes with the page (data-theme); before somebody signs in it is what this browser was told last.
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const keep = () => {
    try { chosen ? localStorage.setItem("theme", chosen) : localStorage.removeItem("theme"); } catch { /* this page only */ }
  };
  try { chosen = localStorage.getItem("theme"); } catch { /* storage is off: follow the system */ }
  const apply = () => { root.dataset.bsTheme = chosen || (dark.matches ? "dark" : "light"); };
  const choose = (name) => { chosen = name === "system" ? null : name; keep(); apply(); };
  window.theme = {
    get: () => chosen || "system",
    set: (name) => {
      choose(name);
      window.dispatchEvent(new Event("themechange"));
    },
  };
  dark.addEventListener("change", () => { apply(); window.dispatchEvent(new Event("themechange")); });
  if (root.dataset.theme) choose(root.dataset.theme); else apply();
})();
