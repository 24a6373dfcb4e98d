// A tried image on its canvas: the picture, the heat and the boxes as the study's page draws them.
import { drawHeat, heatOf } from "../viewer/heat.js";
import { drawBoxes } from "../viewer/marks.js";
import { Placement } from "../viewer/placement.js";
import { pngOf } from "./node.js";

export class Picture {
  #canvas;
  #preview = null;
  #heat = null;
  #placement;
  #result;
  #layers;
  #watcher;

  constructor(canvas, layers) {
    this.#canvas = canvas;
    this.#layers = layers;
    this.#watcher = new ResizeObserver(() => this.redraw());
  }

  async show(answer) {
    const { columns, rows, aspect } = answer.image;
    this.#result = answer.result;
    this.#placement = new Placement(columns, rows, aspect);
    this.#preview = await createImageBitmap(pngOf(answer.preview));
    if (answer.heatmap !== null) this.#heat = await heatOf(pngOf(answer.heatmap));
    this.#watcher.observe(this.#canvas);
  }

  redraw() {
    if (this.#preview === null) return;
    const pixelRatio = globalThis.devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.#canvas.clientWidth * pixelRatio);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * pixelRatio);
    if (!this.#canvas.width || !this.#canvas.height) return;
    this.#placement.resize(this.#canvas.width, this.#canvas.height);
    this.#draw(this.#canvas.getContext("2d", { alpha: false }), pixelRatio);
  }

  #draw(context, pixelRatio) {
    const { left, top, columns, rows } = this.#placement;
    const [right, bottom] = this.#placement.toCanvas(columns, rows);
    const place = [left, top, right - left, bottom - top];
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.#preview, ...place);
    const { boxes, strength } = this.#layers;
    if (this.#heat !== null && strength > 0) drawHeat(context, this.#heat, place, strength);
    if (boxes) drawBoxes(context, this.#placement, this.#result, { strength: 1, chosen: null, pixelRatio });
  }

  // Lets go of the memory.
  close() {
    this.#watcher.disconnect();
    this.#preview?.close();
    this.#preview = null;
    this.#heat = null;
  }
}
