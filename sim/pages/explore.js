"use strict";
// A chart for each element of class "chart": what it shows is chosen in a form beside it, Vega-Lite
// draws it, and a table below has the same numbers.

const dark = matchMedia("(prefers-color-scheme: dark)");

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const number = (x) => (x === null ? "–" : Number(x.toPrecision(4)).toString());
const short = (x, measure) =>
  x === null ? "–" : (measure.unit === "fraction" ? x.toFixed(2) : number(x)).replace(/^(-?)0\./, "$1.");
const counted = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
const interval = (row) =>
  row.low === null || row.high === null ? "none" : `[${number(row.low)}, ${number(row.high)}]`;

/** List the values of an axis; of "model", its names. */
const valuesOf = (of, axis) =>
  axis === "model" ? of.models.map((m) => m.label) : of.axes[axis].values;
const kindOf = (of, axis) => (axis === "model" ? "category" : of.axes[axis].kind);
const labelOf = (of, axis) => (axis === "model" ? "model" : of.axes[axis].label);

/** Take what is chosen: a row for each point and model, with what is measured there. */
function rowsOf(of, choice) {
  const measure = of.measures.find((m) => m.name === choice.measure);
  const dims = [...measure.dims, "model"];
  const sizes = dims.map((dim) => valuesOf(of, dim).length);
  const rows = [];
  measure.mean.forEach((mean, k) => {
    const at = {};
    for (let i = dims.length - 1, rest = k; i >= 0; i--) {
      at[dims[i]] = rest % sizes[i];
      rest = Math.floor(rest / sizes[i]);
    }
    const model = of.models[at.model];
    const here = measure.dims.every(
      (dim) => dim === choice.x || dim === choice.y || at[dim] === choice.at[dim],
    );
    if (!here || !choice.models.includes(model.name)) return;
    const seeds = measure.seeds ? measure.seeds.slice(k * of.n, (k + 1) * of.n) : [];
    // Without a mean, where a seed's value is no number, the other seeds are still shown.
    if (mean === null && seeds.every((x) => x === null)) return;
    const value = (axis) => (axis ? valuesOf(of, axis)[at[axis]] : null);
    rows.push({
      model: model.label,
      x: value(choice.x),
      y: value(choice.y),
      mean,
      low: measure.low[k],
      high: measure.high[k],
      lost: measure.lost ? measure.lost[k] : 0,
      seeds,
    });
  });
  return { measure, rows };
}

/** Colours of the page. */
const ink = () => (dark.matches ? "#e8e6e1" : "#1d1d1b");
const soft = () => (dark.matches ? "#b3afa8" : "#5c5a55");
const line = () => (dark.matches ? "#3d3b37" : "#dedbd3");
const paper = () => (dark.matches ? "#161615" : "#fdfcfa");
const seen = (color) => (color === "#000000" ? ink() : color === "#666666" ? soft() : color);

function config() {
  const text = { labelColor: soft(), titleColor: ink() };
  return {
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    axis: { ...text, gridColor: line(), domainColor: line(), tickColor: line() },
    axisX: { labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500, titlePadding: 10 },
    axisY: { labelFontSize: 12, titleFontSize: 13, titleFontWeight: 500, labelLimit: 190 },
    legend: { labelColor: ink(), labelFontSize: 12, symbolSize: 80, symbolOpacity: 1, labelLimit: 300 },
    title: { color: ink(), fontSize: 13, fontWeight: 500, anchor: "start", limit: 420 },
  };
}

const unitOf = (measure) => (measure.unit ? ` (${measure.unit})` : "");
const titled = (measure) => measure.label + unitOf(measure);

/** Colour and shape of the models that are shown. */
function marks(of, choice, legend) {
  const shown = of.models.filter((m) => choice.models.includes(m.name));
  const domain = shown.map((m) => m.label);
  const color = { field: "model", type: "nominal", sort: null, legend };
  color.scale = { domain, range: shown.map((m) => seen(m.color)) };
  const shape = { ...color, scale: { domain, range: shown.map((m) => m.shape) } };
  return { color, shape };
}

/** Where a measure's axis ends: a fraction's at 0 and 1, if what is shown lies between. */
function ends(measure, values) {
  const fits = values.every((x) => x === null || (x >= 0 && x <= 1));
  return measure.unit === "fraction" && fits ? { domain: [0, 1], nice: false } : { zero: false };
}

const TOLD = [
  { field: "model", title: "model" },
  { field: "mean", title: "mean", format: ".4~g" },
  { field: "interval", title: "95 % interval" },
  { field: "n", title: "seeds" },
];

/** Draw a measure along an axis: curves over numbers; rows, names at the left, over categories. */
function along(of, choice, found, width) {
  const { measure, rows } = found;
  const across = kindOf(of, choice.x) === "category";
  const single = choice.x === "model";
  const models = choice.models.length;
  const columns = Math.max(1, Math.floor(width / 210));
  const legend = single ? null : { orient: "top", title: null, columns, direction: "horizontal" };
  const { color, shape } = marks(of, choice, legend);
  const value = {
    type: "quantitative",
    title: titled(measure),
    scale: ends(measure, rows.flatMap((row) => [row.mean, row.low, row.high, ...row.seeds])),
    axis: { tickCount: width < 500 ? 4 : 6 },
  };
  const place = across
    ? { field: "x", type: "nominal", sort: null, title: single ? null : labelOf(of, choice.x) }
    : {
        field: "x",
        type: "quantitative",
        title: labelOf(of, choice.x),
        scale: { type: kindOf(of, choice.x), nice: false, padding: 14 },
        axis: { grid: false, ...ticks(of, choice.x, width) },
      };
  if (across) place.axis = { grid: false, labelLimit: Math.min(230, width * 0.42), ticks: false };
  const [p, v] = across ? ["y", "x"] : ["x", "y"];
  const off = across && !single ? { [`${p}Offset`]: { field: "model", sort: null } } : {};
  const at = (field) => ({ [p]: place, ...off, [v]: { ...value, field } });
  const told = [{ field: "x", title: labelOf(of, choice.x) }, ...TOLD.slice(single ? 1 : 0)];
  const many = new Set(rows.map((row) => row.x)).size;
  const edge = across ? { stroke: paper(), strokeWidth: 1 } : {};
  const below = across ? { yOffset: 8 } : { xOffset: 7 }; // beside the mean: no point hides another
  const whole = { filter: "isValid(datum.mean)" };
  const layer = [];
  if (of.chance && measure.unit === "fraction" && /accuracy/.test(measure.name))
    layer.push({
      data: { values: [{ chance: of.chance }] },
      mark: { type: "rule", strokeDash: [2, 4], color: soft(), tooltip: null },
      encoding: { [v]: { field: "chance", type: "quantitative" } },
    });
  if (choice.seeds && measure.seeds)
    layer.push({
      transform: [{ flatten: ["seeds"], as: ["value"] }, { filter: "isValid(datum.value)" }],
      mark: { type: "point", filled: true, opacity: 0.4, size: 22, tooltip: true, ...below },
      encoding: {
        ...at("value"),
        color,
        tooltip: [told[0], { field: "value", title: "one seed", format: ".4~g" }],
      },
    });
  layer.push({
    transform: [{ filter: "isValid(datum.low) && isValid(datum.high)" }],
    mark: { type: "rule", strokeWidth: 2 },
    encoding: { ...at("low"), [`${v}2`]: { field: "high" }, color, tooltip: told },
  });
  if (!across)
    layer.push({
      transform: [whole],
      mark: { type: "line", strokeWidth: 1.8 },
      encoding: { ...at("mean"), color },
    });
  layer.push({
    transform: [whole],
    mark: { type: "point", filled: true, size: many > 12 && !across ? 26 : 80, opacity: 1, ...edge },
    encoding: { ...at("mean"), color, shape, tooltip: told },
  });
  const high = across ? Math.max(80, 70 + many * (single ? 34 : 14 + 15 * models)) : 320;
  return { layer, width, height: high };
}

/** Where an axis of few numbers has its ticks: at them. */
function ticks(of, axis, width) {
  const { values, kind } = of.axes[axis];
  const few = values.length <= (width < 500 ? 5 : 8) && axis !== "step";
  return few ? { values, format: "~g", labelOverlap: "greedy" } : { tickCount: 5, kind };
}

/** Break a title into lines that fit. */
function wrapped(text, length) {
  const found = [""];
  for (const word of text.split(" ")) {
    if (`${found.at(-1)} ${word}`.length > length) found.push(word);
    else found[found.length - 1] = `${found.at(-1)} ${word}`.trim();
  }
  return found.filter(Boolean);
}

/** Draw a measure over two axes: a map for each model, means in its cells. */
function map(of, choice, found, width) {
  const { measure, rows } = found;
  const shown = of.models.filter((m) =>
    rows.some((row) => row.model === m.label && row.mean !== null),
  );
  const columns = width < 600 || shown.length < 2 ? 1 : 2;
  const each = Math.floor((width - 96 * (columns - 1)) / columns);
  const y = valuesOf(of, choice.y);
  const sorted = kindOf(of, choice.y) === "category" ? y : [...y].sort((a, b) => b - a);
  const tall = Math.max(120, 42 * y.length);
  const at = {
    x: { field: "x", type: "ordinal", sort: null, title: labelOf(of, choice.x) },
    y: { field: "y", type: "ordinal", sort: sorted, title: wrapped(labelOf(of, choice.y), tall / 7) },
  };
  at.x.axis = { labelAngle: kindOf(of, choice.x) === "category" ? -40 : 0 };
  const told = [
    { field: "x", title: labelOf(of, choice.x) },
    { field: "y", title: labelOf(of, choice.y) },
    ...TOLD,
  ];
  const fits = each / valuesOf(of, choice.x).length > 30;
  const one = (model) => {
    const own = rows.filter((row) => row.model === model.label && row.mean !== null);
    const largest = Math.max(...own.map((row) => Math.abs(row.mean)));
    // Means from dark to bright; differences to both sides of a middle without colour.
    const scale = model.difference
      ? { scheme: "blueorange", domain: [-largest, largest], domainMid: 0 }
      : { scheme: "cividis", ...ends(measure, own.map((row) => row.mean)) };
    const [low, high] = scale.domain ?? [lowest(own), lowest(own, -1)];
    const title = (model.difference ? "difference" : measure.label) + unitOf(measure);
    const legend = { title, orient: "bottom", titleColor: ink(), titleFontWeight: 500 };
    const color = { field: "mean", type: "quantitative", scale, legend };
    const bright = model.difference
      ? `abs(datum.mean) < ${0.6 * largest}`
      : `datum.mean > ${(low + high) / 2}`;
    const text = {
      mark: { type: "text", fontSize: 12 },
      encoding: {
        ...at,
        text: { field: "cell" },
        color: { condition: { test: bright, value: "#111111" }, value: "#ffffff" },
      },
    };
    const cells = { mark: { type: "rect", tooltip: true }, encoding: { ...at, color, tooltip: told } };
    return {
      title: model.label,
      width: each,
      height: tall,
      transform: [{ filter: { field: "model", equal: model.label } }, { filter: "isValid(datum.mean)" }],
      layer: fits ? [cells, text] : [cells],
    };
  };
  const resolve = { scale: { color: "independent" } };
  return { concat: shown.map(one), columns, spacing: 30, resolve };
}

const lowest = (rows, sign = 1) => sign * Math.min(...rows.map((row) => sign * row.mean));

let made = 0;

/** Make a labelled list to choose one from. */
function chooser(label, options, chosen, tell) {
  const id = `choose-${++made}`;
  const select = element("select", { id });
  for (const [value, text] of options) {
    const option = element("option", { value }, text);
    option.selected = value === String(chosen);
    select.append(option);
  }
  select.addEventListener("change", () => tell(select.value));
  return element("div", { class: "field" }, element("label", { for: id }, label), select);
}

/** Make boxes to tick, in a group with a name. */
function boxes(label, options, chosen, tell) {
  const group = element("fieldset", {}, element("legend", {}, label));
  for (const [value, text] of options) {
    const box = element("input", { type: "checkbox", value });
    box.checked = chosen.includes(value);
    box.addEventListener("change", () =>
      tell([...group.querySelectorAll("input:checked")].map((one) => one.value)),
    );
    group.append(element("label", {}, box, text));
  }
  return group;
}

/** Chart of one element: its form, its picture, and the table of what the picture shows. */
class Chart {
  constructor(place, of, k) {
    this.place = place;
    this.of = of;
    this.choice = { at: {}, ...JSON.parse(place.dataset.start) };
    for (const [axis, { values }] of Object.entries(of.axes))
      this.choice.at[axis] ??= kindOf(of, axis) === "category" ? 0 : values.length - 1;
    this.form = element("form", { "aria-label": `What chart ${k} shows` });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.picture = element("div", { class: "picture", role: "img" });
    this.note = element("p", { class: "note", role: "status" });
    this.table = element("table");
    const region = { class: "scroll", tabindex: "0", role: "region" };
    this.region = element("div", region, this.table);
    const numbers = element("summary", {}, "Numbers of this chart");
    place.append(this.form, this.picture, this.note, element("details", {}, numbers, this.region));
    this.fill();
    this.draw();
  }

  set(change) {
    Object.assign(this.choice, change);
    const held = [...this.form.elements].indexOf(document.activeElement);
    this.fill();
    if (held >= 0) this.form.elements[held]?.focus(); // a keyboard stays where it was
    this.draw();
  }

  /** Make the form anew: what there is to choose depends on what is chosen. */
  fill() {
    const { of, choice } = this;
    const measure = of.measures.find((m) => m.name === choice.measure);
    const long = measure.dims.filter((dim) => valuesOf(of, dim).length > 1);
    const named = (dims) => dims.map((dim) => [dim, labelOf(of, dim)]);
    if (choice.x !== "model" && !long.includes(choice.x)) choice.x = long[0] ?? "model";
    if (!long.includes(choice.y) || choice.y === choice.x || choice.x === "model") choice.y = "";
    const parts = [];
    if (of.measures.length > 1)
      parts.push(
        chooser("Measure", of.measures.map((m) => [m.name, m.label]), choice.measure, (name) =>
          this.set({ measure: name }),
        ),
      );
    if (long.length)
      parts.push(
        chooser("Along", [...named(long), ["model", "models"]], choice.x, (x) => this.set({ x })),
      );
    const others = long.filter((dim) => dim !== choice.x);
    if (others.length && choice.x !== "model")
      parts.push(
        chooser("And over", [["", "nothing: curves"], ...named(others)], choice.y, (y) =>
          this.set({ y }),
        ),
      );
    for (const dim of others.filter((dim) => dim !== choice.y))
      parts.push(
        chooser(labelOf(of, dim), valuesOf(of, dim).map((v, i) => [String(i), String(v)]),
          choice.at[dim], (i) => this.set({ at: { ...choice.at, [dim]: Number(i) } })),
      );
    if (!choice.y && measure.seeds)
      parts.push(
        boxes("Seeds", [["on", "each seed a point"]], choice.seeds ? ["on"] : [], (on) =>
          this.set({ seeds: on.length > 0 }),
        ),
      );
    const models = of.models.map((m) => [m.name, m.label]);
    const tick = boxes("Models", models, choice.models, (names) => this.set({ models: names }));
    const open = this.form.querySelector("details")?.open;
    const folded = element("details", { class: "models" },
      element("summary", {}, `Models: ${choice.models.length} of ${models.length} shown`), tick);
    folded.open = open ?? false;
    const row = element("div", { class: "row" }, ...parts);
    this.form.replaceChildren(row, ...(models.length > 1 ? [folded] : []));
  }

  draw() {
    const { of, choice } = this;
    const found = rowsOf(of, choice);
    const { measure, rows } = found;
    for (const row of rows) {
      row.interval = interval(row);
      row.n = row.lost ? `${of.n}, ${row.lost} diverged` : `${of.n}`;
      row.cell = short(row.mean, measure) + (row.lost ? "×" : "");
    }
    const over = choice.y ? ` and ${labelOf(of, choice.y)}` : "";
    const by = choice.x === "model" ? "of each model" : `along ${labelOf(of, choice.x)}${over}`;
    const title = `${titled(measure)} ${by}`;
    this.picture.setAttribute("aria-label", `Chart: ${title}. Its numbers are in the table below.`);
    this.region.setAttribute("aria-label", `Numbers: ${title}`);
    this.tell(title, rows);
    if (!rows.length) {
      this.picture.replaceChildren();
      this.note.textContent = "Nothing to show: no model that is chosen was measured here.";
      return;
    }
    const lost = rows.reduce((sum, row) => sum + row.lost, 0);
    const holes = rows.filter((row) => row.mean === null).length;
    this.note.textContent = [
      measure.about ? `${measure.about[0].toUpperCase()}${measure.about.slice(1)}.` : "",
      choice.y
        ? `Cell: mean over n = ${counted(of.n, "seed")}.`
        : of.n > 1
          ? `Marker and bar: mean over n = ${of.n} seeds, 95 % t-interval.`
          : "Marker: n = 1 seed, which has no interval.",
      choice.seeds && !choice.y && measure.seeds ? "Small points: seeds." : "",
      of.chance && !choice.y && /accuracy/.test(measure.name) ? "Dotted: chance." : "",
      holes ? `Without a mean: ${holes}, where a seed's value is not finite (– in the table).` : "",
      lost ? `Diverged, of those shown here: ${counted(lost, "network")}, counted all the same${choice.y ? " (×)" : ""}.` : "",
    ].filter(Boolean).join(" ");
    const style = getComputedStyle(this.picture);
    const width = this.picture.clientWidth - parseFloat(style.paddingLeft) * 2;
    const padding = { left: 2, right: 10, top: 6, bottom: 6 };
    // Names at the left take room that Vega-Lite's own width does not count.
    const room = choice.y ? 84 : kindOf(of, choice.x) === "category" ? 0 : 74;
    const spec = choice.y ? map(of, choice, found, Math.max(180, width - room))
      : along(of, choice, found, Math.max(180, width - room));
    if (!room) Object.assign(spec, { width: Math.max(200, width), autosize: { type: "fit", contains: "padding" } });
    const whole = { ...spec, data: { values: rows }, config: config(), padding };
    this.drawn = vegaEmbed(this.picture, whole, {
      actions: false,
      renderer: "svg",
      mode: "vega-lite",
      theme: undefined,
      tooltip: { theme: dark.matches ? "dark" : "light" },
    }).then(() => this.picture.querySelector("svg")?.setAttribute("aria-hidden", "true"));
  }

  /** Write the table of what is shown. */
  tell(title, rows) {
    const { of, choice } = this;
    const single = choice.x === "model";
    const head = [...(single ? [] : [labelOf(of, choice.x)]),
      ...(choice.y ? [labelOf(of, choice.y)] : []), "model", "mean", "95 % interval", "seeds"];
    const cells = rows.map((row) => [...(single ? [] : [row.x]), ...(choice.y ? [row.y] : []),
      row.model, number(row.mean), row.interval, row.n]);
    this.table.replaceChildren(
      element("caption", {}, element("span", {}, title)),
      element("thead", {}, element("tr", {}, ...head.map((h) => element("th", { scope: "col" }, h)))),
      element("tbody", {}, ...cells.map((row) => element("tr", {},
        ...row.map((cell, i) => i === 0 ? element("th", { scope: "row" }, String(cell))
          : element("td", {}, String(cell)))))),
    );
  }
}

const charts = [...document.querySelectorAll(".chart")].map((place, i) => {
  const data = JSON.parse(document.getElementById(place.dataset.of).textContent);
  return new Chart(place, data, i + 1);
});
let width = innerWidth;
let waiting;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(() => charts.forEach((chart) => chart.draw()), 150);
});
dark.addEventListener("change", () => charts.forEach((chart) => chart.draw()));
