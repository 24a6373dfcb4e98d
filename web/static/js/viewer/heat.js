// The heatmap in the colours of dicom_node/results/heat_tint.py, laid over the picture the same way.
import { ask } from "./frames.js";

// Inferno from the coolest heat shown to the hottest.
const INFERNO = [
  [127, 30, 108], [165, 44, 96], [199, 62, 76], [228, 90, 49], [246, 126, 20], [252, 168, 13], [246, 215, 70],
];
const COOLEST_SHOWN = 0.2;
const FULLY_TINTED = 0.5;
const STRONGEST_TINT = 0.55;
const LIGHT_OVER_BLACK = 0.35;
const LONGER_SIDE = 512; // smoothed up to this before it is coloured

const within = (value, lowest, highest) => Math.min(Math.max(value, lowest), highest);

function colourOf(heat) {
  const place = within((heat - COOLEST_SHOWN) / (1 - COOLEST_SHOWN), 0, 1) * (INFERNO.length - 1);
  const below = Math.min(Math.floor(place), INFERNO.length - 2);
  return INFERNO[below].map((tone, channel) =>
    Math.round(tone + (place - below) * (INFERNO[below + 1][channel] - tone)));
}

function strengthOf(heat) {
  return Math.round(255 * STRONGEST_TINT * within((heat - COOLEST_SHOWN) / (FULLY_TINTED - COOLEST_SHOWN), 0, 1));
}

const COLOURS = Array.from({ length: 256 }, (_, tone) => colourOf(tone / 255));
const STRENGTHS = Array.from({ length: 256 }, (_, tone) => strengthOf(tone / 255));

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

export async function fetchHeat(url) {
  return heatOf(await (await ask(url)).blob());
}

// What the tint is made of: opaque colours, and how strong they are as the alpha of a mask.
export async function heatOf(png) {
  const grey = await createImageBitmap(png, { colorSpaceConversion: "none" });
  const enlarged = LONGER_SIDE / Math.max(grey.width, grey.height);
  const size = [Math.round(grey.width * enlarged), Math.round(grey.height * enlarged)];
  const colours = canvasOf(...size);
  const mask = canvasOf(...size);
  const context = colours.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(grey, 0, 0, ...size);
  const tinted = context.getImageData(0, 0, ...size);
  const masked = new ImageData(...size);
  for (let place = 0; place < tinted.data.length; place += 4) {
    const heat = tinted.data[place];
    tinted.data.set(COLOURS[heat], place);
    masked.data[place + 3] = STRENGTHS[heat];
  }
  context.putImageData(tinted, 0, 0);
  mask.getContext("2d").putImageData(masked, 0, 0);
  return { colours, mask };
}

const layer = canvasOf(1, 1);

// Colour times shade of what lies under it, so that bone stays visible; `strength` in 0..1.
export function drawHeat(context, heat, [left, top, width, height], strength) {
  const { canvas } = context;
  if (layer.width !== canvas.width) layer.width = canvas.width;
  if (layer.height !== canvas.height) layer.height = canvas.height;
  const over = layer.getContext("2d");
  over.globalCompositeOperation = "copy";
  over.drawImage(canvas, 0, 0);
  over.globalCompositeOperation = "source-over";
  over.fillStyle = `rgb(255 255 255 / ${LIGHT_OVER_BLACK})`;
  over.fillRect(0, 0, layer.width, layer.height);
  over.globalCompositeOperation = "multiply";
  over.drawImage(heat.colours, left, top, width, height);
  over.globalCompositeOperation = "destination-in";
  over.drawImage(heat.mask, left, top, width, height);
  context.globalAlpha = strength;
  context.drawImage(layer, 0, 0);
  context.globalAlpha = 1;
}
