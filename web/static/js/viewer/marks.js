// Boxes: solid where the specific operating point was reached, dotted where only the sensitive one was.
const COLOURS = { fracture: "rgb(255 92 64)", possible: "rgb(255 196 56)" }; // as in the sent pictures
const OTHER = "rgb(216 220 224)";
const OWN = "rgb(120 220 255)";
const HALO = "rgb(0 0 0 / 0.75)";
const LINE = 2; // CSS pixels
const HALO_WIDTH = 2.2; // in lines
const REACH = 5; // CSS pixels around a box that still belong to it

function corners(placement, box) {
  return [...placement.toCanvas(box.x0, box.y0), ...placement.toCanvas(box.x1, box.y1)];
}

function dashes(style, line) {
  if (style === "dotted") return [0.01, 2.5 * line];
  return style === "dashed" ? [4 * line, 3 * line] : [];
}

// Around the place and never over it: the halo ends where the place begins.
function outline(context, [left, top, right, bottom], { colour, style, line }) {
  const out = (HALO_WIDTH * line) / 2;
  context.lineJoin = "miter";
  context.lineCap = style === "dotted" ? "round" : "butt";
  for (const [stroke, width] of [[HALO, HALO_WIDTH * line], [colour, line * (style === "dotted" ? 1.4 : 1)]]) {
    context.setLineDash(dashes(style, line));
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.strokeRect(left - out, top - out, right - left + 2 * out, bottom - top + 2 * out);
  }
  context.setLineDash([]);
}

function label(context, [left, top, , bottom], text, { colour, line, pixelRatio }) {
  const size = 13 * pixelRatio;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const baseline = top - size - 2 * line > 0 ? top - 2.5 * line : bottom + size + 2 * line;
  context.lineJoin = "round";
  context.lineWidth = 3 * pixelRatio;
  context.strokeStyle = HALO;
  context.strokeText(text, left, baseline);
  context.fillStyle = colour;
  context.fillText(text, left, baseline);
}

export function drawBoxes(context, placement, image, { strength, chosen, pixelRatio }) {
  context.globalAlpha = strength;
  const colour = COLOURS[image.state] ?? OTHER;
  const style = image.state === "possible" ? "dotted" : "solid";
  image.boxes.forEach((box, place) => {
    const line = LINE * pixelRatio * (place === chosen ? 2 : 1);
    const edges = corners(placement, box);
    outline(context, edges, { colour, style, line });
    label(context, edges, `${place + 1} · ${box.score.toFixed(2)}`, { colour, line, pixelRatio });
  });
  context.globalAlpha = 1;
}

// What a reader has drawn, or is drawing.
export function drawOwn(context, placement, boxes, pixelRatio) {
  for (const box of boxes) {
    outline(context, corners(placement, box), { colour: OWN, style: "dashed", line: LINE * pixelRatio });
  }
}

// The smallest box at this place of the canvas; null for none.
export function boxAt(placement, boxes, [x, y], pixelRatio) {
  const reach = REACH * pixelRatio;
  let found = null;
  boxes.forEach((box, place) => {
    const [left, top, right, bottom] = corners(placement, box);
    const inside = x >= left - reach && x <= right + reach && y >= top - reach && y <= bottom + reach;
    if (inside && (found === null || area(box) < area(boxes[found]))) found = place;
  });
  return found;
}

function area(box) {
  return (box.x1 - box.x0) * (box.y1 - box.y0);
}

// Corners in any order as a box within the image, to a tenth of a pixel; null where nothing is left.
export function boxBetween([x0, y0], [x1, y1], placement) {
  const within = (value, most) => Math.round(10 * Math.min(Math.max(value, 0), most)) / 10;
  const box = {
    x0: within(Math.min(x0, x1), placement.columns),
    y0: within(Math.min(y0, y1), placement.rows),
    x1: within(Math.max(x0, x1), placement.columns),
    y1: within(Math.max(y0, y1), placement.rows),
  };
  return box.x1 - box.x0 >= 1 && box.y1 - box.y0 >= 1 ? box : null;
}
