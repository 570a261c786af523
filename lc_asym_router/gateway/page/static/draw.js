// Elements, tables and charts. Every text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element with attributes and children; a string child is text. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  for (const child of children.flat(3)) {
    if (child !== null && child !== undefined) {
      element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
  }
  return element;
}

/** Replaces what is in the element of an id. */
export function put(id, ...children) {
  document.getElementById(id).replaceChildren(
    ...children.flat(3).filter((each) => each !== null && each !== undefined),
  );
}

export const nothing = (text) => el("p", { class: "dim" }, text);

// numbers ------------------------------------------------------------------------------------

export const count = (value) => (value ?? 0).toLocaleString("en");

export function usd(value) {
  if (value === null || value === undefined) return "unknown";
  if (value === 0) return "$0";
  const digits = Math.abs(value) >= 1 ? 2 : Math.abs(value) >= 0.01 ? 4 : 6;
  return `${value < 0 ? "−" : ""}$${Math.abs(value).toFixed(digits)}`;
}

export function percent(value) {
  if (value === null || value === undefined) return "–";
  return `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;
}

export const seconds = (value) =>
  value === null || value === undefined ? "–" : `${value.toPrecision(2)} s`;

// tables -------------------------------------------------------------------------------------

/** A table. Columns: [head, row => cell, isNumber]. */
export function table(caption, columns, rows) {
  const head = columns.map(([name, , number]) =>
    el("th", { scope: "col", class: number ? "n" : null }, name),
  );
  const body = rows.map((row) =>
    el("tr", {}, columns.map(([, cell, number]) => el("td", { class: number ? "n" : null }, cell(row)))),
  );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, head)),
      el("tbody", {}, body),
    ),
  );
}

export const folded = (summary, ...children) =>
  el("details", {}, el("summary", {}, summary), ...children);

export function legend(entries) {
  return el(
    "ul",
    { class: "legend" },
    entries.map(([name, class_]) =>
      el(
        "li",
        {},
        svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" },
          svg("rect", { width: 11, height: 11, x: 0.5, y: 0.5, class: class_ })),
        name,
      ),
    ),
  );
}

// charts -------------------------------------------------------------------------------------

const WIDTH = 640;
const HEIGHT = 220;
const LEFT = 68;
const FOOT = 24;

/** Columns over time. Parts: for each start a list of [height, class, title], stacked; marks: a height. */
export function columns(label, starts, parts, marks, shown) {
  const sums = parts.map((stack) => stack.reduce((sum, [height]) => sum + height, 0));
  const top = Math.max(...sums, ...marks.map((mark) => mark ?? 0)) || 1;
  const step = (WIDTH - LEFT) / starts.length;
  const room = HEIGHT - FOOT - 8;
  const y = (value) => 8 + room - (room * value) / top;
  const children = [svg("title", {}, label)];
  for (const value of [0, top / 2, top]) {
    children.push(
      svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "rule" }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, class: "end" }, shown(value)),
    );
  }
  starts.forEach((start, place) => {
    const x = LEFT + place * step + step * 0.12;
    const width = step * 0.76;
    let base = 0;
    for (const [height, class_, title] of parts[place]) {
      if (height > 0) {
        children.push(
          svg("rect", { x, width, y: y(base + height), height: y(base) - y(base + height), class: class_ },
            svg("title", {}, `${start}: ${title}`)),
        );
      }
      base += height;
    }
    const mark = marks[place];
    if (mark) {
      children.push(
        svg("rect", { x, width, y: y(mark), height: y(0) - y(mark), class: "alone" },
          svg("title", {}, `${start}: the frontier alone ${shown(mark)}`)),
      );
    }
    if (place % Math.ceil(starts.length / 6) === 0) {
      children.push(svg("text", { x: x + width / 2, y: HEIGHT - 6, class: "mid" }, brief(start)));
    }
  });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label }, children);
}

const brief = (start) => (start.includes("T") ? start.slice(11, 16) : start.slice(5));

/** Horizontal bars: [name, value, text]. */
export function bars(label, rows, class_ = "f0") {
  const top = Math.max(...rows.map(([, value]) => value)) || 1;
  const high = 24;
  return svg(
    "svg",
    { class: "few", viewBox: `0 0 440 ${rows.length * high}`, role: "img", "aria-label": label },
    svg("title", {}, label),
    rows.map(([name, value, text], place) => [
      svg("text", { x: 150, y: place * high + 16, class: "end" }, clipped(name, 20)),
      svg("rect", { x: 158, y: place * high + 4, height: 16, width: Math.max(1, (220 * value) / top), class: class_ }),
      svg("text", { x: 166 + (220 * value) / top, y: place * high + 16 }, text),
    ]),
  );
}

/** One request's calls, one after the other: [name, seconds, class, text]. */
export function timeline(label, calls) {
  const whole = calls.reduce((sum, [, length]) => sum + length, 0) || 1;
  const high = 28;
  let at = 0;
  return svg(
    "svg",
    { class: "few", viewBox: `0 0 ${WIDTH} ${calls.length * high}`, role: "img", "aria-label": label },
    svg("title", {}, label),
    calls.map(([name, length, class_, text], place) => {
      const x = 150 + (220 * at) / whole;
      at += length;
      return [
        svg("text", { x: 142, y: place * high + 18, class: "end" }, clipped(name, 20)),
        svg("rect", { x, y: place * high + 5, height: 18, width: Math.max(2, (220 * length) / whole), class: class_ }),
        svg("text", { x: Math.min(x + Math.max(2, (220 * length) / whole) + 8, 380), y: place * high + 18 }, clipped(text, 44)),
      ];
    }),
  );
}

const clipped = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
