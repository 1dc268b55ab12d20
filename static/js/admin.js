/* The back office under our content security policy: Alpine's build for it evaluates attributes without `eval`, but
   knows neither several statements, nor arrow functions, nor globals. Unfold's attributes that use them are replaced. */
document.addEventListener("alpine:init", () => {
  const STORED = "sidebarDesktopOpen";
  const tabOf = (text) => (/activeTab: '([^']*)'/.exec(text) || ["", ""])[1];

  Alpine.data("theme", (...words) => theme(...words));
  Alpine.data("searchForm", () => searchForm());
  Alpine.data("searchCommand", () => searchCommand());
  Alpine.data("searchDropdown", () => ({
    ...searchDropdown(),
    openResults() { this.openSearchResults = true; this.currentIndex = 0; },
    closeResults() {
      this.openSearchResults = false;
      const input = this.$refs.searchInput;
      if (input.value === "") input.blur(); else input.value = "";
    },
  }));
  Alpine.data("backOffice", (tab) => ({
    activeTab: (tab && getCurrentTab()) || tab,
    sidebarMobileOpen: false,
    sidebarDesktopOpen: (localStorage.getItem(STORED) || "1") === "1",
    init() { this.$watch(STORED, (value) => localStorage.setItem(STORED, value ? "1" : "0")); },
    formAddress() {
      const { pathname, search } = window.location;
      return pathname + search + (this.activeTab && this.activeTab !== "general" ? `#${this.activeTab}` : "");
    },
  }));

  const body = document.body;
  body.setAttribute("x-data", `backOffice('${tabOf(body.getAttribute("x-data"))}')`);
  body.removeAttribute("x-init");
  const REPLACED = [
    ["x-on:click", "localStorage.setItem", "sidebarDesktopOpen = !sidebarDesktopOpen"],
    ["x-on:focus", "openSearchResults = true; currentIndex", "openResults()"],
    ["x-on:keydown.escape.prevent", "openSearchResults = false; if", "closeResults()"],
    ["x-on:keydown.enter.prevent", "if (!$event.metaKey", "!$event.metaKey && !$event.ctrlKey && selectItem(false, false)"],
    ["x-bind:action", "window.location", "formAddress()"],
  ];
  for (const [name, part, instead] of REPLACED) {
    for (const element of document.querySelectorAll(`[${CSS.escape(name)}]`)) {
      if (element.getAttribute(name).includes(part)) element.setAttribute(name, instead);
    }
  }
});
