// One image: its frame fetched, its window, place and marks kept, and all of it told in words.
import { NoPicture } from "./frames.js";
import { adjusted, firstView, viewsOf } from "./greyscale.js";
import { fetchHeat } from "./heat.js";
import { boxBetween } from "./marks.js";
import { Placement } from "./placement.js";
import { told } from "./readout.js";
import { PaneWords } from "./words.js";
import { Surface } from "./surface.js";

const CHOSEN_MILLISECONDS = 1500;
const MARK_SHARE = 0.25; // of the canvas, for a mark begun by keys

// As many as the screen gives the canvas. What the browser says exactly is only believed as far as
// it fits the ratio: of a ratio that is emulated it says nothing.
function devicePixels({ contentBoxSize: [css], devicePixelContentBoxSize: [exact] = [] }) {
  return ["inlineSize", "blockSize"].map((side) => {
    const reckoned = css[side] * devicePixelRatio;
    return exact && Math.abs(exact[side] - reckoned) < 1 ? exact[side] : Math.round(reckoned);
  });
}

export class Pane {
  frame = null;
  view = null; // null of a colour frame
  inverted = false;
  placement = null;
  own = []; // boxes a reader has drawn
  draft = null; // the one being drawn
  trouble = null; // why there is no picture
  #chosen = null;
  #heat = null;
  #asked = null; // the frame's number that is waited for

  // `desk`: layers, frames, texts and say(), alike for all panes.
  constructor(element, image, desk) {
    this.element = element;
    this.image = image;
    this.desk = desk;
    this.number = image.frame ?? 1;
    this.canvas = element.querySelector("canvas");
    this.words = new PaneWords(element, image, desk.texts);
    this.surface = new Surface(this.canvas, () => this.#scene(), () => this.#drawn());
    const sized = new ResizeObserver(([entry]) => this.#resize(entry));
    try {
      sized.observe(this.canvas, { box: "device-pixel-content-box" });
    } catch { // a browser that cannot say: Safari
      sized.observe(this.canvas);
    }
  }

  get showsMarks() {
    return this.image.frame === null || this.image.frame === this.number;
  }

  #scene() {
    if (this.frame === null) return null;
    return {
      frame: this.frame, view: this.view, inverted: this.inverted, placement: this.placement,
      image: this.image, layers: this.desk.layers, chosen: this.#chosen, showsMarks: this.showsMarks,
      own: this.draft ? [...this.own, this.draft] : this.own,
      heat: this.showsMarks ? this.#heat : null,
    };
  }

  #resize(entry) {
    const [width, height] = devicePixels(entry);
    if (width === 0 || height === 0) return;
    this.placement?.resize(width, height);
    this.surface.resize(width, height);
    if (this.frame) this.words.showPlace(this);
  }

  #drawn() {
    if (this.element.dataset.state === "shown") return;
    this.element.dataset.state = "shown";
    performance.mark("osteon-image-shown", { detail: { number: this.image.number } });
  }

  // Fetch what is to be seen, unless it is there; a later question overtakes an earlier one.
  async open(number = this.number) {
    if (this.#asked === number || (this.frame !== null && this.number === number)) return;
    this.#asked = number;
    this.trouble = null;
    if (this.frame === null) this.words.showWaiting();
    try {
      const frame = await this.desk.frames.get(this.image.frame_url, number);
      if (this.#answers(number)) this.#take(frame);
    } catch (trouble) {
      if (!(trouble instanceof NoPicture)) throw trouble;
      if (this.#answers(number)) this.#give(trouble);
    }
  }

  #answers(number) {
    const isAwaited = this.#asked === number;
    if (isAwaited) this.#asked = null;
    return isAwaited;
  }

  #take(frame) {
    const isFirst = this.placement === null;
    this.frame = frame;
    this.number = frame.frame;
    if (isFirst) {
      this.placement = new Placement(frame.columns, frame.rows, frame.pixel_aspect);
      this.view = frame.greyscale && firstView(frame.greyscale);
    }
    if (this.canvas.width) this.placement.resize(this.canvas.width, this.canvas.height);
    this.surface.repaint();
    this.words.showPicture(this);
    this.desk.changed(this);
    if (this.desk.layers.heat) this.openHeat();
  }

  #give(trouble) {
    this.frame = null;
    this.trouble = trouble;
    this.words.showTrouble(trouble);
    this.surface.redraw();
    this.desk.changed(this);
  }

  // The frame may be fetched again; window and place are kept.
  close() {
    this.#asked = null;
    this.frame = null;
    this.element.dataset.state = "closed";
    this.surface.release();
  }

  async openHeat() {
    if (!this.image.has_heatmap || this.#heat !== null) return;
    try {
      this.#heat = await fetchHeat(this.image.heatmap_url);
      this.surface.redraw();
    } catch (trouble) {
      if (!(trouble instanceof NoPicture)) throw trouble;
      this.desk.say(told(this.desk.texts.noHeatmap, { reason: trouble.message }));
    }
  }

  get views() {
    return this.frame?.greyscale ? viewsOf(this.frame.greyscale) : [];
  }

  use(view) {
    if (!this.frame?.greyscale) return;
    this.view = view;
    this.surface.repaint();
    this.words.showView(this);
    this.desk.changed(this);
  }

  adjust(change) {
    if (this.frame?.greyscale) this.use(adjusted(this.frame, this.view, this.inverted, change));
  }

  invert() {
    if (!this.frame?.greyscale) return;
    this.inverted = !this.inverted;
    this.use(this.view);
  }

  reset() {
    if (this.frame === null) return;
    this.inverted = false;
    this.placement.fit();
    this.use(this.frame.greyscale && firstView(this.frame.greyscale));
    this.#moved();
  }

  #moved() {
    this.surface.redraw();
    this.words.showPlace(this);
  }

  move(change) {
    if (this.placement === null) return;
    change(this.placement);
    this.#moved();
  }

  fit() {
    this.move((placement) => placement.fit());
  }

  // One image pixel for each of the screen's; about (x, y) of the canvas.
  actual(x, y) {
    this.move((placement) => placement.zoomTo(1, x, y));
  }

  stepFrame(step) {
    if (this.frame === null || this.frame.frames === 1) return;
    this.open(Math.min(Math.max((this.#asked ?? this.number) + step, 1), this.frame.frames));
  }

  // The box in sight, and for a moment drawn bolder.
  choose(place) {
    if (!this.image.boxes[place]) return;
    if (!this.showsMarks) this.open(this.image.frame);
    const box = this.image.boxes[place];
    if (this.placement && !this.placement.shows(box)) {
      this.placement.lookAt((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2);
      this.#moved();
    }
    this.#chosen = place;
    this.surface.redraw();
    clearTimeout(this.unchoosing);
    this.unchoosing = setTimeout(() => {
      this.#chosen = null;
      this.surface.redraw();
    }, CHOSEN_MILLISECONDS);
  }

  get chosen() {
    return this.#chosen;
  }

  get asked() {
    return this.#asked ?? this.number;
  }

  draw(box) {
    this.draft = box;
    this.surface.redraw();
  }

  // The draft as a box within the image, if anything of it lies there.
  draftBox() {
    const { x0, y0, x1, y1 } = this.draft;
    return boxBetween([x0, y0], [x1, y1], this.placement);
  }

  // A mark in the middle of what is in sight, to be moved by keys.
  beginDraft() {
    if (this.placement === null) return;
    const { x, y, width, height, scale, aspect } = this.placement;
    const [across, down] = [(MARK_SHARE * width) / scale / 2, (MARK_SHARE * height) / (scale * aspect) / 2];
    this.draw({ x0: x - across, y0: y - down, x1: x + across, y1: y + down });
  }
}
