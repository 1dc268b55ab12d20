// Keeps an open page true: hears over a socket that something changed, then lets the page fetch what it shows.
// Nothing is swapped that did not change, that is being pressed or that holds an open menu; what changed flashes once.
(() => {
  const page = document.body;
  const root = document.documentElement;
  if (!page.dataset.live) return;

  // --- the socket
  const PING = 25000, PONG = 10000;
  let socket, wait = 500, pinger, judge, stale = null, pending = new Set(), timer = null, last = 0;

  let isLeaving = false;
  addEventListener("beforeunload", () => { isLeaving = true; });

  const fresh = () => {
    wait = 500;
    if (stale) {
      stale = null;
      root.classList.remove("is-stale");
      page.dispatchEvent(new CustomEvent("news"));
      page.dispatchEvent(new CustomEvent("recovered"));
    }
  };
  const lost = () => {
    if (!stale) {
      stale = new Date();
      const banner = document.getElementById("stale");
      const time = stale.toLocaleTimeString(root.lang === "en" ? "en-GB" : root.lang, { timeZone: root.dataset.zone });
      banner.textContent = banner.dataset.text.replace("{time}", time);
    }
    setTimeout(() => { if (stale) root.classList.add("is-stale"); }, 3000);  // not for a blink
  };
  const connect = () => {
    clearInterval(pinger);
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${page.dataset.live}`);
    socket.onopen = () => {
      fresh();
      pinger = setInterval(() => {
        socket.send('"ping"');
        judge = setTimeout(() => socket.close(), PONG);
      }, PING);
    };
    socket.onmessage = (event) => {
      const news = JSON.parse(event.data);
      if (news === "pong") return clearTimeout(judge);
      if (news === "notified") return page.dispatchEvent(new CustomEvent("notified"));
      (news.stations || ["all"]).forEach((station) => pending.add(station));
      tell();
    };
    socket.onclose = (event) => {
      clearInterval(pinger); clearTimeout(judge);
      if (event.code === 4403) return;  // a second factor is owed: the page for that needs no news
      if ([4401, 4409].includes(event.code)) {  // elsewhere: signed out, or another group chosen
        // a form that is being sent, like that of a new password, has an answer of its own
        return setTimeout(() => location.reload(), isLeaving ? 5000 : 0);
      }
      lost();
      setTimeout(connect, wait + Math.random() * 500);
      wait = Math.min(wait * 2, 15000);
    };
  };

  // --- at most one round of news per second, never losing the last one
  const tell = () => {
    if (timer) return;
    timer = setTimeout(() => {
      const stations = pending;
      pending = new Set(); timer = null; last = Date.now();
      const own = page.dataset.station;
      if (own && (stations.has(Number(own)) || stations.has("all"))) page.dispatchEvent(new CustomEvent(`station-${own}`));
      page.dispatchEvent(new CustomEvent("news"));
    }, Math.max(0, 1000 - (Date.now() - last)));
  };
  page.addEventListener("recovered", () => {
    if (page.dataset.station) page.dispatchEvent(new CustomEvent(`station-${page.dataset.station}`));
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && socket.readyState > 1) { wait = 0; }
  });

  // --- swapping with care
  const shown = new Map();   // id -> source as last received
  const values = new Map();  // data-v -> text before the swap
  const remember = (element) => element.querySelectorAll("[data-v]").forEach((v) => values.set(v.dataset.v, v.textContent));
  const flash = (element) => element.querySelectorAll("[data-v]").forEach((v) => {
    const before = values.get(v.dataset.v);
    if (before !== undefined && before !== v.textContent) v.classList.add("flash");
  });
  const isBusy = (target) => target.matches("[data-paused]") || target.querySelector(":active, .show, details[open]");
  const source = (fragment) => (fragment.firstElementChild || fragment).outerHTML;

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const text = source(fragment);
    if (isBusy(target)) { event.detail.shouldSwap = false; return; }
    if (shown.get(target.id) === text) { event.detail.shouldSwap = false; return; }
    shown.set(target.id, text);
    remember(target);
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    const now = document.getElementById(event.detail.target.id);
    if (now) flash(now);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    if (target.id !== "list" || !requestConfig?.triggeringEvent) return;
    const isAsked = !["news", "recovered"].includes(requestConfig.triggeringEvent.type);
    if (!isAsked && isBusy(target)) { event.detail.shouldSwap = false; return; }
    values.clear();
    if (!isAsked) remember(target);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "list") flash(document.getElementById("list"));
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const type = event.detail.requestConfig.triggeringEvent?.type;
    if (event.detail.target?.id === "list" && !["news", "recovered"].includes(type)) event.detail.target.classList.add("asked");
  });
  document.addEventListener("htmx:afterRequest", () => document.getElementById("list")?.classList.remove("asked"));

  connect();
})();
