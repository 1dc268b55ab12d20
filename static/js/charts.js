// Charts: what is drawn comes as JSON from data-chart, how it looks comes from the style sheet, words from the page.
(() => {
  const root = document.documentElement;
  const zone = root.dataset.zone;
  const lang = root.lang === "en" ? "en-GB" : root.lang;
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const figures = { ch: "de-CH" }[root.dataset.numbers] || root.dataset.numbers || lang;
  const time = (options) => new Intl.DateTimeFormat(lang, { timeZone: zone, ...options });
  const clock = time({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const dates = { iso: "sv-SE", dot: "de-DE", slash: "en-GB", us: "en-US" }[root.dataset.dates];
  const date = dates ? { year: dates === "sv-SE" ? "numeric" : undefined, month: "2-digit", day: "2-digit" } : { day: "numeric", month: "short" };
  const full = new Intl.DateTimeFormat(dates || lang, { timeZone: zone, ...date, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const figure = (value, places) =>
    value === null || value === undefined ? "–" : value.toLocaleString(figures, { minimumFractionDigits: places, maximumFractionDigits: places });
  const escapeHtml = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

  const axis = () => ({
    axisLine: { lineStyle: { color: css("--tblr-border-color") } }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: css("--tblr-secondary"), hideOverlap: true },
  });
  const scale = (unit, more) => ({
    type: "value", min: 0, axisLine: { show: false }, axisTick: { show: false },
    splitLine: { lineStyle: { color: css("--tblr-border-color") } },
    axisLabel: { color: css("--tblr-secondary"), formatter: (value) => `${value.toLocaleString(figures)}${unit ? `\u202f${unit}` : ""}` },
    ...more,
  });
  const isLone = (points, at) =>  // no line leads to it or away from it
    points[at][1] !== null && (points[at - 1]?.[1] ?? null) === null && (points[at + 1]?.[1] ?? null) === null;
  const symbols = (points) => {  // a lone point would not be seen without its dot
    const lone = new Set([...points.keys()].filter((at) => isLone(points, at)));
    return lone.size ? { showSymbol: true, symbolSize: (_value, item) => (lone.has(item.dataIndex) ? 5 : 0) } : { showSymbol: false, symbolSize: 5 };
  };
  const line = (series) => ({
    name: series.name, type: "line", data: series.points, ...symbols(series.points),
    connectNulls: false, step: series.step ? "end" : false, yAxisIndex: series.axis || 0, silent: false,
    itemStyle: { color: css(series.colour) },
    lineStyle: { width: series.dotted ? 1.25 : 1.75, type: series.dotted ? "dotted" : "solid", color: css(series.colour) },
    areaStyle: series.filled ? { color: css(series.colour), opacity: 0.09 } : undefined,
  });

  // Ticks at round times of the page's zone, which need not be the browser's.
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440].map((minutes) => minutes * 60000);
  const offset = (at) => {
    const parts = Object.fromEntries(new Intl.DateTimeFormat("en", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    }).formatToParts(at).map((part) => [part.type, Number(part.value)]));
    return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) - Math.floor(at / 1000) * 1000;
  };
  const ticks = (from, to, most) => {
    const step = STEPS.find((one) => (to - from) / one <= most) || 86400000;
    const shift = offset(from);
    const found = [];
    for (let at = Math.ceil((from + shift) / step) * step - shift; at <= to; at += step) found.push(at);
    return found;
  };

  // Series over time. data: {from, to, units: [unit, ...], series: [{name, unit, places, colour, points: [[ms, value], ...]}]}
  const overTime = (data, narrow) => ({
    xAxis: {
      ...axis(), type: "value", min: data.from, max: data.to, axisPointer: { label: { show: false } },
      axisLabel: {
        color: css("--tblr-secondary"), hideOverlap: true, formatter: (value) => clock.format(value),
        customValues: ticks(data.from, data.to, narrow ? 4 : 8),
      },
    },
    yAxis: data.units.map((unit, at) => scale(unit, { minInterval: unit === "MW" ? 0.1 : 1, ...(at ? { splitLine: { show: false }, alignTicks: true } : { max: data.most }) })),
    grid: { left: 8, right: data.units.length > 1 ? 8 : 16, top: 16, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      formatter: (items) => [full.format(items[0].value[0]), ...items.map((item) =>
        `${item.marker}${escapeHtml(item.seriesName)} <b>${figure(item.value[1], data.series[item.seriesIndex].places)}\u202f${escapeHtml(data.series[item.seriesIndex].unit)}</b>`)].join("<br>"),
    },
    series: data.series.map(line),
  });

  // A number per day; a day that is not over is dotted. data: {days: [label], values: [n], open: bool, unit}
  const perDay = (data, words) => {
    const done = data.open ? data.values.slice(0, -1) : data.values;
    const dotted = data.open ? data.values.map((value, at) => (at < data.values.length - 2 ? null : value)) : [];
    const colour = css("--power");
    return {
      xAxis: { ...axis(), type: "category", data: data.days, boundaryGap: true },
      yAxis: [scale("", { minInterval: 1 })],
      grid: { left: 8, right: 16, top: 20, bottom: 4, containLabel: true },
      tooltip: {
        trigger: "axis",
        formatter: (items) => {
          const at = items[0].dataIndex;
          const so = data.open && at === data.values.length - 1 ? ` ${words.soFar}` : "";
          return `${escapeHtml(data.days[at])}<br><b>${figure(data.values[at], 0)}</b> ${escapeHtml(words.unit)}${escapeHtml(so)}`;
        },
      },
      series: [
        { type: "line", data: done, symbol: "circle", symbolSize: data.days.length > 31 ? 0 : 6, lineStyle: { width: 1.75, color: colour }, itemStyle: { color: colour } },
        {
          type: "line", data: dotted, symbol: "emptyCircle", symbolSize: 6, lineStyle: { width: 1.25, type: "dotted", color: colour }, itemStyle: { color: colour },
          label: { show: true, position: data.values.at(-1) < data.values.at(-2) ? "left" : "top", color: css("--tblr-secondary"), formatter: (item) => item.dataIndex === data.days.length - 1 ? `${figure(item.value, 0)} ${words.soFar}` : "" },
        },
      ],
    };
  };

  const base = () => ({
    animation: false, aria: { enabled: true }, textStyle: { fontFamily: css("--tblr-font-sans-serif"), fontSize: 12 },
  });
  const tip = () => ({
    backgroundColor: css("--tblr-bg-surface"), borderColor: css("--tblr-border-color"), padding: [6, 10],
    textStyle: { color: css("--tblr-body-color"), fontSize: 12 }, axisPointer: { lineStyle: { color: css("--control") } },
  });

  class Chart {
    constructor(box) {
      this.box = box;
      this.place = box.querySelector(".chart");
      this.chart = window.echarts.init(this.place.querySelector(".canvas"), null, { renderer: "svg" });
      this.address = new URL(box.dataset.chart, location.href);
      this.view = box.querySelector("[data-view][aria-pressed=true]")?.dataset.view || "";
      box.addEventListener("click", (event) => this.press(event));
      box.addEventListener("change", (event) => this.change(event));
      if (box.dataset.on) document.body.addEventListener(box.dataset.on, () => this.soon());
      if (box.dataset.every) setInterval(() => document.hidden || this.refresh(), Number(box.dataset.every) * 1000);
      new ResizeObserver(() => this.chart.resize()).observe(this.place);
      this.load();
    }
    soon() {  // readings come every few seconds: one fetch per two seconds is enough
      if (this.timer) return;
      this.timer = setTimeout(() => { this.timer = null; this.refresh(); }, 1500);
    }
    press(event) {
      const button = event.target.closest("button[data-view], button[data-query], button[data-reveal]");
      if (!button) return;
      const dates = this.box.querySelector(".dates");
      if (dates && button.dataset.view === undefined) dates.hidden = button.dataset.reveal === undefined;
      button.closest(".seg").querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      if (button.dataset.view !== undefined) { this.view = button.dataset.view; this.draw(); return; }
      if (button.dataset.reveal !== undefined) return dates.querySelector("input").focus();
      this.address.search = button.dataset.query;
      this.box.querySelectorAll("input[type=date]").forEach((input) => { input.value = ""; });
      this.load();
    }
    change(event) {
      if (event.target.type !== "date") return;
      const inputs = [...this.box.querySelectorAll("input[type=date]")];
      if (inputs.some((input) => !input.value)) return;
      inputs.forEach((input) => this.address.searchParams.set(input.name, input.value));
      this.load();
    }
    refresh() {  // what comes by itself waits for what is under way
      if (this.running) this.isDue = true;
      else this.load();
    }
    async load() {  // of several requests the last one counts, however slow the earlier ones are
      this.running?.abort();
      const running = new AbortController();
      this.running = running;
      const address = new URL(this.address);
      let refusal = "", data = this.data, failed = false;
      this.isDue = false;
      try {
        const response = await fetch(address, { headers: { Accept: "application/json" }, signal: running.signal });
        if (response.status === 400) refusal = (await response.json()).error;
        else if (!response.ok) throw new Error(response.status);
        else data = await response.json();
      } catch { failed = true; }
      if (running !== this.running) return;
      this.running = null;
      Object.assign(this, { data, failed });
      if (refusal) this.address = new URL(this.shown || this.address);  // what is drawn is what is kept true
      else if (!failed) this.shown = address;
      this.refuse(refusal);
      this.draw();
      if (this.isDue) this.soon();
    }
    refuse(sentence) {
      const place = this.box.querySelector(".refusal");
      place.textContent = sentence;
      place.hidden = !sentence;
      this.box.querySelectorAll("input[type=date]").forEach((input) => input.setAttribute("aria-invalid", String(Boolean(sentence))));
    }
    draw() {
      const words = this.box.dataset;
      const data = this.data;
      const empty = this.place.querySelector(".blank");
      const table = this.box.querySelector(".chart-table");
      const isTable = this.view === "table";
      const views = data?.views ? (data.views[this.view] || Object.values(data.views)[0]) : data;
      empty.hidden = !(this.failed && !data) && Boolean(views && !views.empty);
      this.place.classList.toggle("is-empty", !empty.hidden);
      empty.textContent = this.failed && !data ? words.failed : (views?.empty || "");
      this.place.hidden = isTable;
      if (table) table.hidden = !isTable;
      const legend = this.box.querySelector(".key");
      if (legend) legend.replaceChildren();
      if (!data || views.empty) { this.chart.clear(); if (table) table.replaceChildren(); return; }
      if (isTable) return this.fill(table, data.table);
      const narrow = this.place.clientWidth < 480;
      const option = words.kind === "days" ? perDay(views, words) : overTime(views, narrow);
      option.tooltip = { ...tip(), ...option.tooltip };
      this.chart.setOption({ ...base(), ...option }, true);
      this.chart.resize();
      if (legend && views.series?.length > 1) views.series.forEach((series) => this.explain(legend, series));
    }
    explain(legend, series) {
      const item = document.createElement("span");
      const mark = document.createElement("i");
      mark.style.setProperty("--c", `var(${series.colour})`);
      if (series.dotted) mark.className = "dotted";
      item.append(mark, series.name);
      legend.append(item);
    }
    fill(place, told) {
      const table = document.createElement("table");
      table.className = "tbl";
      const head = table.createTHead().insertRow();
      told.head.forEach((text, at) => head.append(Object.assign(document.createElement("th"), { textContent: text, scope: "col", className: at ? "num" : "" })));
      const body = table.createTBody();
      told.rows.forEach((row) => {
        const tr = body.insertRow();
        row.forEach((value, at) => Object.assign(tr.insertCell(), { textContent: value, className: at ? "num" : "" }));
      });
      place.replaceChildren(table);
    }
  }

  const start = (within) => within.querySelectorAll("[data-chart]").forEach((box) => { box.chart = box.chart || new Chart(box); });
  const all = (what) => document.querySelectorAll("[data-chart]").forEach((box) => box.chart?.[what]());
  window.addEventListener("themechange", () => all("draw"));
  let sizing;
  window.addEventListener("resize", () => { clearTimeout(sizing); sizing = setTimeout(() => all("draw"), 120); });
  start(document);
})();
