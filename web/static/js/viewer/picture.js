// A frame painted at its own size, one canvas pixel for each of its own.
const STRIPE = 1 << 18; // pixels written at a time: memory stays small and in the cache

export function paint(canvas, frame, table) {
  if (canvas.width !== frame.columns || canvas.height !== frame.rows) {
    canvas.width = frame.columns;
    canvas.height = frame.rows;
  }
  const context = canvas.getContext("2d", { alpha: false });
  const rows = Math.min(Math.max(1, Math.floor(STRIPE / frame.columns)), frame.rows);
  const stripe = new ImageData(frame.columns, rows);
  const words = new Uint32Array(stripe.data.buffer);
  const fill = table ? greyFiller(frame.pixels, table) : colourFiller(frame.pixels);
  for (let top = 0; top < frame.rows; top += rows) {
    const height = Math.min(rows, frame.rows - top);
    fill(words, top * frame.columns, height * frame.columns);
    context.putImageData(stripe, 0, top, 0, 0, frame.columns, height);
  }
}

function greyFiller(pixels, table) {
  const { buffer, byteOffset, length } = pixels;
  // Signed values are looked up by their bits.
  const stored = pixels instanceof Int16Array ? new Uint16Array(buffer, byteOffset, length) : pixels;
  return (words, first, count) => {
    for (let place = 0; place < count; place += 1) words[place] = table[stored[first + place]];
  };
}

function colourFiller(pixels) {
  return (words, first, count) => {
    for (let place = 0, from = 3 * first; place < count; place += 1, from += 3) {
      words[place] = 0xff000000 | (pixels[from + 2] << 16) | (pixels[from + 1] << 8) | pixels[from];
    }
  };
}
