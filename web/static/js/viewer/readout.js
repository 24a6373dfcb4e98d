// What a pane says below its picture: window, magnification, scale, and the value under the pointer.
import { outputValue } from "./greyscale.js";

const BAR = 130; // CSS pixels a scale bar may take
const NICE = [1, 2, 5];

export function told(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function short(number) {
  return Number.isInteger(number) ? String(number) : number.toFixed(Math.abs(number) < 10 ? 2 : 1);
}

export function windowText(view, texts) {
  if (view === null) return texts.colours;
  const name = viewName(view, texts);
  if (view.kind === "voi_lut") return name;
  const numbers = told(texts.window, { center: short(view.center), width: short(view.width) });
  return view.from === "own" ? numbers : `${numbers} · ${name}`;
}

export function viewName(view, texts) {
  if (view.from === "lut") return view.explanation || texts.voiLut;
  if (view.from === "file") return view.explanation || told(texts.fileWindow, { n: view.place + 1 });
  return { automatic: texts.automatic, range: texts.wholeRange, own: texts.ownWindow }[view.from];
}

export function zoomText(scale) {
  return scale === 1 ? "1:1" : `${Math.round(scale * 100)} %`;
}

export function pointText(frame, [x, y], texts) {
  const column = Math.floor(x);
  const row = Math.floor(y);
  if (column < 0 || row < 0 || column >= frame.columns || row >= frame.rows) return "";
  const place = row * frame.columns + column;
  const where = `x ${column}  y ${row}`;
  if (!frame.greyscale) return `${where}  ${[...frame.pixels.subarray(3 * place, 3 * place + 3)].join(" ")}`;
  const stored = frame.pixels[place];
  const value = outputValue(frame.greyscale, stored);
  const said = `${where}  ${told(texts.stored, { value: stored })}`;
  return value === stored ? said : `${said}  ${told(texts.output, { value: short(value) })}`;
}

// A round length in millimetres and its CSS pixels; null where the spacing is not known.
export function scaleBar(frame, cssPixelsPerColumn) {
  if (!frame.spacing) return null;
  const pixelsPerMm = cssPixelsPerColumn / frame.spacing.column_mm;
  const longest = BAR / pixelsPerMm;
  const power = 10 ** Math.floor(Math.log10(longest));
  const length = Math.max(...NICE.map((step) => step * power).filter((step) => step <= longest));
  return { pixels: length * pixelsPerMm, text: length >= 10 ? `${short(length / 10)} cm` : `${short(length)} mm` };
}
