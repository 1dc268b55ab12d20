// Small behaviour of every page: theme switch, drawer, dialogs, copying, notes. All texts come from the page.
(() => {
  const root = document.documentElement;

  // --- notes that say what happened
  const say = (text, kind = "neutral") => {
    const place = document.getElementById("said");
    const note = document.createElement("div");
    note.className = `note ${kind}`;
    note.append(Object.assign(document.createElement("span"), { textContent: text }));
    const close = Object.assign(document.createElement("button"), { type: "button", className: "btn-close" });
    close.setAttribute("aria-label", document.body.dataset.close);
    close.addEventListener("click", () => note.remove());
    note.append(close);
    place.append(note);
    if (kind !== "bad") setTimeout(() => note.remove(), 8000);
  };
  document.addEventListener("said", (event) => say(event.detail.text, event.detail.kind));

  // --- what htmx could not do
  document.addEventListener("htmx:responseError", (event) => {
    const texts = document.body.dataset;
    const status = event.detail.xhr.status;
    if (event.target.matches("[data-quiet]")) return;  // itself: a button in a live list that refuses says so
    say(status === 403 ? texts.forbidden : status === 404 ? texts.gone : texts.failed, "bad");
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (!event.target.matches("[data-quiet]")) say(document.body.dataset.unreachable, "bad");
  });

  // --- dialogs: what arrives in #ask opens by itself; what arrives inside of one that was closed meanwhile does not
  document.addEventListener("htmx:afterSwap", (event) => {  // at once: whoever presses Escape as soon as he sees it means it
    if (event.detail.target?.id !== "ask") return;
    const dialog = event.detail.target.querySelector("dialog.ask");
    if (dialog && !dialog.open) dialog.showModal();
  });
  document.addEventListener("done", () => document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close()));

  const press = {
    theme: (button) => {
      window.theme.set(button.dataset.value); mark();
      const address = document.body.dataset.theme;  // of who is signed in: his other browsers know it, too
      if (address) htmx.ajax("POST", address, { values: { theme: button.dataset.value }, swap: "none" });
    },
    download: (button) => {
      const text = document.getElementById(button.dataset.target).value;
      const link = Object.assign(document.createElement("a"), {
        href: URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" })), download: button.dataset.file,
      });
      link.click();
      URL.revokeObjectURL(link.href);
    },
    drawer: () => drawer(!root.classList.contains("drawer-open")),
    open: (button) => document.getElementById(button.dataset.target).showModal(),
    close: (button) => button.closest("dialog").close(),
    copy: async (button) => {
      const text = document.getElementById(button.dataset.target).value;
      try { await navigator.clipboard.writeText(text); } catch {
        const field = document.getElementById(button.dataset.target);
        if (field instanceof HTMLInputElement) field.type = "text";
        field.select(); document.execCommand("copy");
      }
      say(button.dataset.done, "good");
    },
    show: (button) => {
      const field = document.getElementById(button.dataset.target);
      field.type = field.type === "password" ? "text" : "password";
      button.setAttribute("aria-pressed", String(field.type === "text"));
    },
    generate: (button) => {
      const field = document.getElementById(button.dataset.target);
      field.value = [...crypto.getRandomValues(new Uint8Array(20))].map((n) => n.toString(16).padStart(2, "0")).join("");
      field.type = "text";
    },
    addrow: (button) => {
      const place = document.getElementById(button.dataset.target);
      place.append(document.getElementById(button.dataset.from).content.cloneNode(true));
      place.lastElementChild.querySelector("input:not([type=hidden])").focus();
    },
    droprow: (button) => {
      const row = button.closest("[data-row]");
      const next = (row.nextElementSibling || row.previousElementSibling)?.querySelector("[data-press=droprow]");
      const add = document.querySelector("[data-press=addrow]");
      row.remove();
      (next || add)?.focus();
    },
    tickall: () => {
      for (const box of boxes()) if (!box.disabled) box.checked = true;
      ticks().elements.all.value = "yes";
      showTicks();
    },
    untick: () => {
      for (const box of boxes()) box.checked = false;
      ticks().elements.all.value = "";
      showTicks();
    },
    pause: (button) => {
      const paused = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(paused));
      button.textContent = paused ? button.dataset.go : button.dataset.pause;
      document.getElementById(button.dataset.target).toggleAttribute("data-paused", paused);
      if (!paused) document.body.dispatchEvent(new CustomEvent("resumed"));
    },
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-press]");
    if (button) press[button.dataset.press](button);
    else if (event.target.matches("dialog.ask")) event.target.close();
    else if (event.target.matches(".veil")) drawer(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && root.classList.contains("drawer-open")) drawer(false);
  });

  const drawer = (open) => {
    root.classList.toggle("drawer-open", open);
    const burger = document.querySelector(".burger");
    burger?.setAttribute("aria-expanded", String(open));
    document.querySelector(".content")?.toggleAttribute("inert", open);
    (open ? document.querySelector(".side a") : burger)?.focus();
  };
  const mark = () => document.querySelectorAll("[data-press=theme]").forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset.value === window.theme.get())));
  mark();

  // --- ticked rows of a list, and the bar with what can be done with them
  const countTicked = () => document.querySelectorAll(".bulk-bar").forEach((bar) => {
    const boxes = [...document.querySelectorAll(`[name=pk][form="${bar.id}"]`)];
    const ticked = boxes.filter((box) => box.checked).length;
    bar.hidden = !ticked;
    bar.querySelector("[data-ticked]").textContent = ticked;
    const all = document.querySelector(`[data-tick-all="${bar.id}"]`);
    if (all) all.checked = ticked > 0 && ticked === boxes.length;
  });
  countTicked();
  window.addEventListener("pageshow", countTicked);
  document.addEventListener("htmx:afterSettle", countTicked);
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-tick-all]")) {
      document.querySelectorAll(`[name=pk][form="${target.dataset.tickAll}"]`).forEach((box) => { box.checked = target.checked; });
    }
    countTicked();
  });
  // --- rows that are ticked, for the actions above a list; a live update of the list keeps them
  const ticks = () => document.getElementById("ticks");
  const boxes = () => [...document.querySelectorAll("#list tbody input[form=ticks]")];
  const showTicks = () => {
    const bar = ticks();
    if (!bar) return;
    const ticked = boxes().filter((box) => box.checked);
    const note = bar.querySelector("[data-ticked]");
    note.textContent = bar.elements.all.value ? note.dataset.all : note.dataset.ticked.replace("{n}", ticked.length);
    const head = document.querySelector("[data-tick-page]");
    const free = boxes().filter((box) => !box.disabled);
    head.checked = free.length > 0 && ticked.length === free.length;
    head.indeterminate = ticked.length > 0 && !head.checked;
  };
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-tick-page], input[form=ticks]")) return;
    if (event.target.matches("[data-tick-page]")) {
      for (const box of boxes()) if (!box.disabled) box.checked = event.target.checked;
    }
    ticks().elements.all.value = "";
    showTicks();
  });
  let kept = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const isNews = ["news", "recovered"].includes(event.detail.requestConfig?.triggeringEvent?.type);
    kept = null;
    if (event.detail.target.id !== "list" || !isNews || !ticks()) return;
    kept = { all: ticks().elements.all.value, rows: boxes().filter((box) => box.checked).map((box) => box.value) };
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "list" && kept && ticks()) {
      for (const box of boxes()) box.checked = kept.rows.includes(box.value) && !box.disabled;
      ticks().elements.all.value = kept.all;
      kept = null;
    }
    showTicks();
  });
  window.addEventListener("pageshow", showTicks);  // the browser's back button restores the boxes

  // --- how many rows a list has found, below the title of the page
  document.addEventListener("htmx:afterSettle", () => {
    const [list, note] = ["list", "list-count"].map((id) => document.getElementById(id));
    if (list && note) note.textContent = list.dataset.count;
  });

  // --- forms that act by themselves
  document.addEventListener("change", (event) => {  // what is searched for among the options of a filter is no filter
    if (event.target.name?.startsWith("find_")) event.stopPropagation();
  }, true);
  document.addEventListener("htmx:configRequest", (event) => {  // filters that say nothing stay out of the address
    if (!event.target.matches("form[role=search]")) return;
    const { formData } = event.detail;
    [...formData.entries()].forEach(([name, value]) => { if (!value || name.startsWith("find_")) formData.delete(name); });
  });
  const showChosen = () => document.querySelectorAll("[data-shown-for]").forEach((field) => {
    const [name, value] = field.dataset.shownFor.split("=");  // of the radio button that the field belongs to
    field.closest("[id^=div_id_]").hidden = field.form.elements[name].value !== value;
  });
  showChosen();
  window.addEventListener("pageshow", showChosen);  // the browser's back button restores the radio buttons
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-go]")) location.href = event.target.value;
    if (event.target.matches("[type=radio]")) showChosen();
  });
})();
