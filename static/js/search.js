// The search box of every page: opened by its button or Ctrl+K, walked with the arrow keys, left with Escape.
(() => {
  const dialog = document.getElementById("seek");
  if (!dialog) return;
  const field = dialog.querySelector("input[type=search]");
  const options = () => [...dialog.querySelectorAll("[role=option]")];
  let place = -1;

  const mark = (next) => {
    const all = options();
    place = all.length ? (next + all.length) % all.length : -1;
    all.forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
    if (place >= 0) {
      field.setAttribute("aria-activedescendant", all[place].id);
      all[place].scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };
  const open = () => {
    if (!dialog.open) dialog.showModal();
    field.select();
    if (!options().length) htmx.trigger(field, "opened");  // where one may go, before anything is typed
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-seek]")) open();
    else if (event.target === dialog) dialog.close();
  });
  const forget = () => {  // what was offered before anything was typed is no result of what is typed now
    if (field.value) dialog.querySelector("#found[data-suggested] [role=listbox]")?.replaceChildren();
  };
  field.addEventListener("input", () => { forget(); mark(0); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(event.key === "ArrowDown" ? place + 1 : Math.max(place, 0) - 1);
    } else if (event.key === "Enter" && place >= 0) {
      event.preventDefault();
      options()[place]?.click();
    } else if (event.key === "Escape") {  // a search field would only be emptied by it
      event.preventDefault();
      dialog.close();
    }
  });
  dialog.addEventListener("htmx:afterSwap", () => {
    forget();
    const count = options().length;
    field.setAttribute("aria-expanded", String(count > 0));
    mark(count ? 0 : -1);
  });
  dialog.addEventListener("close", () => { field.setAttribute("aria-expanded", "false"); });
})();
