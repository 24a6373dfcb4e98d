// From stored values to greys, PS3.4 N.2: rescale, VOI LUT or window, inverse or not. No drawing here.
const BLACK = 0xff000000; // opaque; bytes in memory are red, green, blue, alpha

// PS3.3 C.11.2.1.2 and .3, in 0..1
function windowed({ center, width, function: shape }, value) {
  if (shape === "SIGMOID") return 1 / (1 + Math.exp((-4 * (value - center)) / width));
  if (shape === "LINEAR") return (value - (center - 0.5)) / (width - 1) + 0.5;
  return (value - center) / width + 0.5;
}

// Halves to the even neighbour, as the classifier rounds.
function nearestWhole(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

// PS3.3 C.11.2.1.1, in 0..1
function lookedUp(lut, value) {
  const place = nearestWhole(value) - lut.first_mapped;
  const shown = lut.data[Math.min(Math.max(place, 0), lut.data.length - 1)];
  return shown / (2 ** lut.bits - 1);
}

export function outputValue(greyscale, stored) {
  return greyscale.rescale_slope * stored + greyscale.rescale_intercept;
}

export function isInverse(frame, inverted) {
  return (frame.photometric_interpretation === "MONOCHROME1") !== inverted;
}

// A word of red, green, blue and alpha for each stored value, by its 8 or 16 bits read unsigned.
export function greyTable(frame, view, inverted) {
  const grey = frame.greyscale;
  const table = new Uint32Array(frame.pixels.BYTES_PER_ELEMENT === 1 ? 256 : 65536).fill(BLACK);
  const last = table.length - 1;
  const inverse = isInverse(frame, inverted);
  for (let stored = grey.smallest_stored; stored <= grey.largest_stored; stored += 1) {
    if (isPadding(grey, stored)) continue;
    const value = outputValue(grey, stored);
    const shown = view.kind === "voi_lut" ? lookedUp(grey.voi_lut, value) : windowed(view, value);
    const tone = Math.round(255 * Math.min(Math.max(shown, 0), 1));
    table[stored & last] = BLACK | ((inverse ? 255 - tone : tone) * 0x010101);
  }
  return table;
}

export function isPadding(grey, stored) {
  return grey.padding !== null && stored >= grey.padding.lowest && stored <= grey.padding.highest;
}

// Every way the file and the picture offer, the one it is first seen by included.
export function viewsOf(grey) {
  const views = grey.windows.map((window, place) => ({ ...window, kind: "window", from: "file", place }));
  if (grey.voi_lut) views.unshift({ kind: "voi_lut", from: "lut", explanation: grey.voi_lut.explanation });
  return [...views, automatic(grey), wholeRange(grey)];
}

export function firstView(grey) {
  const wanted = { voi_lut: "lut", window: "file", robust_window: "automatic" }[grey.view];
  return viewsOf(grey).find((view) => view.from === wanted);
}

function automatic(grey) {
  return { ...grey.robust_window, kind: "window", from: "automatic" };
}

function wholeRange(grey) {
  const ends = [outputValue(grey, grey.smallest_stored), outputValue(grey, grey.largest_stored)];
  const width = Math.max(Math.abs(ends[1] - ends[0]), Math.abs(grey.rescale_slope) || 1);
  return { kind: "window", from: "range", center: (ends[0] + ends[1]) / 2, width, function: "LINEAR_EXACT" };
}

// `brighter` in widths of the window, `wider` as a factor. A VOI LUT gives way to a window.
export function adjusted(frame, view, inverted, { brighter = 0, wider = 1 }) {
  const grey = frame.greyscale;
  const start = view.kind === "window" ? view : grey.windows[0] ?? automatic(grey);
  const range = wholeRange(grey);
  const step = Math.abs(grey.rescale_slope) || 1;
  const narrowest = start.function === "LINEAR" ? 1 + step : step;
  const width = Math.min(Math.max(start.width * wider, narrowest), 16 * range.width + narrowest);
  const shift = (isInverse(frame, inverted) ? 1 : -1) * brighter * start.width;
  const far = range.width + start.width;
  const center = Math.min(Math.max(start.center + shift, range.center - far), range.center + far);
  return { kind: "window", from: "own", center, width, function: start.function };
}
