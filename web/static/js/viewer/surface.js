// One canvas: the picture, the heat and the boxes on it, drawn once per screen frame at most.
import { drawHeat } from "./heat.js";
import { drawBoxes, drawOwn } from "./marks.js";
import { paint } from "./picture.js";
import { greyTable } from "./greyscale.js";

const PIXELS_ARE_SHOWN = 2; // from this magnification on each pixel is a square, nothing is smoothed

export class Surface {
  #canvas;
  #context;
  #scene;
  #picture = document.createElement("canvas");
  #isStale = false; // the picture, not only where it lies
  #isAwaited = false;
  #drawn;

  // `scene()`: what there is to draw now, null where there is nothing; `drawn()` is told each time.
  constructor(canvas, scene, drawn) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#scene = scene;
    this.#drawn = drawn;
  }

  get pixelRatio() {
    return this.#canvas.width / (this.#canvas.clientWidth || 1);
  }

  resize(width, height) {
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#draw(); // at once: a resized canvas is blank
  }

  repaint() {
    this.#isStale = true;
    this.redraw();
  }

  redraw() {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    requestAnimationFrame(() => {
      this.#isAwaited = false;
      this.#draw();
    });
  }

  // Lets go of the picture's memory.
  release() {
    this.#picture.width = 0;
    this.#picture.height = 0;
    this.redraw();
  }

  #draw() {
    const scene = this.#scene();
    const context = this.#context;
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (scene === null || this.#canvas.width === 0) return;
    if (this.#isStale) this.#paint(scene);
    this.#place(scene.placement);
    const { placement, layers } = scene;
    if (layers.heat && scene.heat) {
      const [right, bottom] = placement.toCanvas(placement.columns, placement.rows);
      const { left, top } = placement;
      drawHeat(context, scene.heat, [left, top, right - left, bottom - top], layers.strength);
    }
    const looks = { strength: layers.strength, chosen: scene.chosen, pixelRatio: this.pixelRatio };
    if (layers.boxes && scene.showsMarks) drawBoxes(context, placement, scene.image, looks);
    drawOwn(context, placement, scene.own, this.pixelRatio);
    this.#drawn();
  }

  #paint({ frame, view, inverted }) {
    this.#isStale = false;
    paint(this.#picture, frame, view && greyTable(frame, view, inverted));
  }

  #place({ left, top, scale, aspect, columns, rows }) {
    const context = this.#context;
    context.imageSmoothingEnabled = scale < PIXELS_ARE_SHOWN && !(scale === 1 && aspect === 1);
    context.imageSmoothingQuality = "high";
    const [down, across] = [scale * aspect, scale];
    // Of a picture that is magnified, the part in sight alone.
    const x0 = Math.max(0, Math.floor(-left / across));
    const y0 = Math.max(0, Math.floor(-top / down));
    const x1 = Math.min(columns, Math.ceil((this.#canvas.width - left) / across));
    const y1 = Math.min(rows, Math.ceil((this.#canvas.height - top) / down));
    if (x1 <= x0 || y1 <= y0) return;
    const [width, height] = [x1 - x0, y1 - y0];
    context.drawImage(
      this.#picture, x0, y0, width, height,
      left + x0 * across, top + y0 * down, width * across, height * down,
    );
  }
}
