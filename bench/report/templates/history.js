"use strict";
// The charts, the grids and the filters of the history page. Texts are set as text, never as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const DAY = 86400;
  const HEIGHT = 180;
  const ROWS = 40; // of a grid, before more is asked for
  const seconds = data.nights.map((night) => Date.parse(`${night}T00:00:00Z`) / 1000);
  const dateOf = (stamp) => new Date(stamp * 1000).toISOString().slice(0, 10);
  const filter = { board: null, firmware: null, kind: "", text: "" };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const fits = (line) =>
    (filter.board === null || line.b === filter.board) && (filter.firmware === null || line.f === filter.firmware);
  const number = (value) => Number(value.toPrecision(4)).toString();

  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // ------------------------------------------------------------------ charts

  const charts = new Map(); // place -> uPlot, of those that are drawn as the filters are now

  function linesOf(chart) {
    return (filter.board === null ? chart.lines : chart.boards).filter(fits);
  }

  function spread(line, values) {
    const column = new Array(seconds.length).fill(null);
    line.n.forEach((night, at) => (column[night] = values[at]));
    return column;
  }

  function contentOf(chart) {
    const columns = [seconds];
    const series = [{}];
    const bands = [];
    const hidden = { stroke: "transparent", points: { show: false }, spanGaps: true };
    for (const line of linesOf(chart)) {
      const ink = colour(`fw${line.f % 8}`);
      if (line.hi && line.hi.some((value) => value !== null)) {
        bands.push({ series: [series.length, series.length + 1], fill: `${ink}30` });
        series.push(hidden, hidden);
        columns.push(spread(line, line.hi), spread(line, line.lo));
      }
      series.push({ stroke: ink, width: 1.5, spanGaps: true, points: { show: true, size: 4, fill: ink } });
      columns.push(spread(line, line.v));
    }
    return { columns, series, bands };
  }

  function mark(plot, chart) {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("bad");
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    for (const [night, text] of chart.moves) {
      const x = plot.valToPos(seconds[night] - DAY / 2, "x", true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.textAlign = x > bbox.left + bbox.width / 2 ? "right" : "left";
      ctx.fillText(text, x + (ctx.textAlign === "right" ? -4 : 4) * ratio, bbox.top + 11 * ratio);
    }
    ctx.restore();
  }

  function readingAt(chart, night) {
    const told = linesOf(chart).flatMap((line) => {
      const at = line.n.indexOf(night);
      if (at < 0) return [];
      const ends = line.lo && line.lo[at] !== null ? ` (${number(line.lo[at])} to ${number(line.hi[at])})` : "";
      return [`${data.firmware[line.f]}: ${number(line.v[at])}${ends} ${chart.unit}`];
    });
    return told.length ? `${data.nightNames[night]}   ${told.join("   ")}` : "";
  }

  function draw(place) {
    const chart = data.charts[place.dataset.chart];
    const { columns, series, bands } = contentOf(chart);
    const reading = place.nextElementSibling;
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    charts.get(place)?.destroy();
    const plot = new uPlot(
      {
        width: Math.max(200, place.clientWidth),
        height: HEIGHT,
        series,
        bands,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { size: 7 } },
        tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1e3), "Etc/UTC"),
        scales: { x: { time: true, range: () => [seconds[0] - DAY / 2, seconds[seconds.length - 1] + DAY / 2] } },
        axes: [
          { ...axis, size: 28, incrs: [1, 2, 7, 14, 28, 91, 182, 364].map((days) => days * DAY), space: 80,
            values: (_, stamps) => stamps.map(dateOf) },
          { ...axis, size: 64, values: (_, values) => values.map((value) => `${number(value)} ${chart.unit}`) },
        ],
        hooks: {
          draw: [(drawn) => mark(drawn, chart)],
          setCursor: [(drawn) => {
            const night = drawn.cursor.idx;
            reading.textContent = night === null || night === undefined ? "" : readingAt(chart, night);
          }],
        },
      },
      columns,
      place,
    );
    charts.set(place, plot);
  }

  const places = [...document.querySelectorAll(".plot")];
  const inView = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) inView.delete(target);
        else {
          inView.add(target);
          if (!charts.has(target)) draw(target);
        }
      }
    },
    { rootMargin: "300px" },
  );
  places.forEach((place) => observer.observe(place));

  function redraw() {
    for (const [place, plot] of charts) {
      if (inView.has(place)) continue;
      plot.destroy();
      charts.delete(place);
    }
    inView.forEach(draw);
  }

  // ------------------------------------------------------------------ grids

  const PASSED = data.outcomes.indexOf("passed");
  const FAILED = data.outcomes.indexOf("failed");
  // Class and letter of a night, the worst first; a test that passed and failed on one board is flaky.
  const STATES = [
    ["failed", "f", "F"], ["flaky", "x", "~"], ["did not finish", "d", "D"], ["script error", "e", "S"],
    ["lab error", "l", "L"], ["known issue", "k", "K"], ["passed", "p", ""], ["skipped", "s", "-"],
  ];

  function stateOf(parts) {
    const flaky = parts.some((counts) => counts[PASSED] && counts[FAILED]);
    const failed = parts.some((counts) => counts[FAILED] && !counts[PASSED]);
    return STATES.find(([word]) => {
      if (word === "failed") return failed;
      if (word === "flaky") return flaky;
      return parts.some((counts) => counts[data.outcomes.indexOf(word)]);
    });
  }

  function testRow(test) {
    const nights = new Map();
    let passed = 0;
    let failed = 0;
    test.cells.forEach((cell, column) => {
      const [night, b, f] = data.columns[column];
      if (!cell || !fits({ b, f })) return;
      const counts = data.counts[cell];
      nights.set(night, [...(nights.get(night) ?? []), counts]);
      passed += counts[PASSED];
      failed += counts[FAILED];
    });
    const rate = passed + failed ? `${Math.floor((1000 * passed) / (passed + failed)) / 10} %` : "";
    const cells = new Map();
    for (const [night, parts] of nights) {
      const [word, state, letter] = stateOf(parts);
      const told = data.outcomes
        .map((outcome, at) => [parts.reduce((sum, counts) => sum + counts[at], 0), outcome])
        .filter(([count]) => count);
      cells.set(night, { state, letter, text: `${word}: ${told.map((pair) => pair.join(" ")).join(", ")}` });
    }
    return { name: test.name, simulated: test.simulated, head: rate, cells };
  }

  function causeRow(cause) {
    const cells = new Map();
    let all = 0;
    for (const [night, b, f, count] of cause.hits) {
      if (!fits({ b, f })) continue;
      const sum = count + Number(cells.get(night)?.letter ?? 0);
      cells.set(night, { state: "l", letter: String(sum), text: `${sum} lab errors` });
      all += count;
    }
    return { name: cause.name, simulated: cause.simulated, head: String(all), cells };
  }

  function headOf(title) {
    const row = element("tr", {}, element("th", { scope: "row", className: "rate", textContent: title }));
    data.nights.forEach((night, at) => {
      row.append(element("th", { textContent: at % 7 ? "" : night.slice(5) }));
    });
    return element("thead", {}, row);
  }

  function lineOf(row) {
    const parts = row.name.split(/(?<=::)/).flatMap((part) => [part, element("wbr")]);
    const name = element("span", { className: "name", title: row.name }, ...parts);
    const head = element("th", { scope: "row" }, name, element("span", { className: "rate", textContent: row.head }));
    if (row.simulated) name.prepend(element("span", { className: "simulated", textContent: "SIMULATED" }), " ");
    const line = element("tr", {}, head);
    data.nights.forEach((night, at) => {
      const cell = row.cells.get(at);
      const made = element("td", { className: `cell ${cell ? cell.state : "none"}`, textContent: cell?.letter ?? "" });
      if (cell) {
        made.dataset.reading = `${data.nightNames[at]}   ${row.name}   ${cell.text}`;
        made.dataset.night = data.nights[at];
      }
      line.append(made);
    });
    return line;
  }

  function showGrid(place, rows, title, most = ROWS) {
    if (!place) return;
    const fitting = rows.filter((row) => row.cells.size && isWanted(row.name, row.simulated ? "simulated" : "hardware"));
    const table = element("table", {}, headOf(title), element("tbody", {}, ...fitting.slice(0, most).map(lineOf)));
    const reading = element("p", { className: "reading" });
    const read = ({ target }) => {
      if (target.dataset?.reading) reading.textContent = target.dataset.reading;
    };
    table.addEventListener("mouseover", read);
    table.addEventListener("click", (event) => {
      read(event);
      const { night } = event.target.dataset;
      if (!night) return;
      reading.append("   ", element("a", { href: `#night-${night}`, textContent: "runs of this night" }));
    });
    const wide = element("div", { className: "wide" }, fitting.length ? table : "Nothing fits the filters.");
    place.replaceChildren(wide, reading);
    if (fitting.length > most) {
      const button = element("button", { className: "more", textContent: `show ${fitting.length - most} more` });
      button.addEventListener("click", () => showGrid(place, rows, title, Infinity));
      place.append(button);
    }
    wide.scrollTo(wide.scrollWidth, 0); // to the last night
  }

  function showGrids() {
    showGrid(document.getElementById("test-grid"), data.tests.map(testRow), "passed");
    showGrid(document.getElementById("cause-grid"), data.causes.map(causeRow), "errors");
  }

  function showLegend() {
    const legend = document.querySelector(".legend");
    legend.className = "legend grid";
    for (const [word, state, letter] of STATES) {
      legend.append(element("span", { className: `cell ${state}`, textContent: letter }), ` ${word}   `);
    }
  }

  // ------------------------------------------------------------------ filters

  function isWanted(text, kind) {
    return (!filter.kind || kind === filter.kind) && text.toLowerCase().includes(filter.text);
  }

  const has = (list, wanted) => wanted === null || list.split(" ").includes(String(wanted));

  function apply() {
    let shown = 0;
    const all = document.querySelectorAll("[data-kind]");
    for (const one of all) {
      const { text, kind, boards, firmware } = one.dataset;
      // Boards and runs have no test's name: a text chooses tests and measurements.
      const named = one.closest("#boards, #runs") ? "" : filter.text;
      const wanted = (!filter.kind || kind === filter.kind) && text.toLowerCase().includes(named) &&
        has(boards, filter.board) && has(firmware, filter.firmware);
      one.hidden = !wanted;
      if (wanted && one.localName === "article") shown += 1;
    }
    for (const row of document.querySelectorAll("article tr[data-firmware]")) {
      row.hidden = !has(row.dataset.firmware, filter.firmware);
    }
    document.getElementById("shown").textContent = `${shown} of ${places.length} charts`;
    redraw();
    showGrids();
  }

  function take() {
    const value = (id) => document.getElementById(id)?.value ?? "";
    const chosen = (id) => (value(id) === "" ? null : Number(value(id)));
    Object.assign(filter, { board: chosen("board"), firmware: chosen("firmware"), kind: value("kind") });
    filter.text = value("text").trim().toLowerCase();
    apply();
  }

  // ------------------------------------------------------------------ start

  for (const id of ["board", "firmware", "kind", "text"]) document.getElementById(id)?.addEventListener("input", take);
  document.getElementById("filters").hidden = false;
  showLegend();
  take(); // a browser that comes back to the page remembers what was chosen

  let width = innerWidth;
  addEventListener("resize", () => {
    if (width === innerWidth) return; // a phone's address bar comes and goes
    width = innerWidth;
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing"); // paper is white
    places.forEach(draw);
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    redraw();
  });
})();
