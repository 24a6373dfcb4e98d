// The panes side by side: which are on show, which one is meant, and what applies to all of them.
import { KeptFrames } from "./frames.js";
import { followPointer } from "./pointer.js";
import { told } from "./readout.js";
import { Pane } from "./pane.js";

const MOST_SIDE_BY_SIDE = 4;

export class Desk extends EventTarget {
  frames = new KeptFrames();
  layers = { boxes: true, heat: false, strength: 1 };
  tool = "pan";
  isEnlarged = false;
  #place = 0;

  constructor(element, images, texts) {
    super();
    this.element = element;
    this.texts = texts;
    this.grid = element.querySelector("[data-panes]");
    this.said = element.querySelector("[data-said]");
    const pattern = element.querySelector("template");
    this.panes = images.map((image) => this.#paneOf(image, pattern));
    this.grid.append(...this.panes.map((pane) => pane.element));
    this.#arrange();
  }

  #paneOf(image, pattern) {
    const element = pattern.content.firstElementChild.cloneNode(true);
    const pane = new Pane(element, image, this);
    element.addEventListener("focusin", () => this.activate(pane));
    element.querySelector("[data-again]").addEventListener("click", () => pane.open());
    element.querySelector("[data-frames] input").addEventListener("input", (event) =>
      pane.open(Number(event.target.value)));
    followPointer(pane, this);
    return pane;
  }

  get active() {
    return this.panes[this.#place];
  }

  // The panes on show: one, or as many as lie side by side with it.
  get shown() {
    if (this.isEnlarged) return [this.active];
    const first = this.#place - (this.#place % MOST_SIDE_BY_SIDE);
    return this.panes.slice(first, first + MOST_SIDE_BY_SIDE);
  }

  #arrange() {
    const shown = this.shown;
    this.grid.dataset.count = shown.length;
    for (const pane of this.panes) {
      pane.element.hidden = !shown.includes(pane);
      pane.element.toggleAttribute("data-active", pane === this.active);
      if (pane.element.hidden) pane.close();
    }
    for (const pane of [this.active, ...shown]) if (pane.trouble === null) pane.open();
    this.changed(this.active);
  }

  activate(pane) {
    if (pane === this.active) return;
    this.#place = this.panes.indexOf(pane);
    this.#arrange();
  }

  step(by) {
    const place = Math.min(Math.max(this.#place + by, 0), this.panes.length - 1);
    this.activate(this.panes[place]);
    this.active.canvas.focus({ preventScroll: true });
    this.active.element.scrollIntoView({ block: "nearest" });
    this.say(`${this.active.words.title}. ${this.active.words.finding}`);
  }

  enlarge() {
    this.isEnlarged = !this.isEnlarged;
    this.#arrange();
    this.active.canvas.focus({ preventScroll: true });
    this.say(this.isEnlarged ? this.active.words.title : told(this.texts.sideBySide, { n: this.shown.length }));
  }

  // Told by a pane whose picture or window is another now.
  changed(pane) {
    this.frames.trim(new Set(this.panes.map((one) => one.frame)));
    if (pane === this.active) this.dispatchEvent(new Event("change"));
  }

  choose(tool) {
    this.tool = tool;
    this.grid.dataset.tool = tool;
    if (tool !== "mark") this.active.draw(null);
    this.dispatchEvent(new Event("change"));
  }

  setLayers(change) {
    Object.assign(this.layers, change);
    for (const pane of this.shown) {
      if (this.layers.heat) pane.openHeat();
      pane.surface.redraw();
    }
    this.dispatchEvent(new Event("change"));
  }

  paneOf(sopInstanceUid) {
    const same = this.panes.filter(({ image }) => image.sop_instance_uid === sopInstanceUid);
    return same.find(({ image }) => !image.kept_apart) ?? same[0];
  }

  // `place` null means the image alone.
  showMark(pane, place) {
    this.activate(pane);
    pane.element.scrollIntoView({ block: "nearest" });
    if (place === null) return;
    this.setLayers({ boxes: true });
    pane.choose(place);
  }

  nextMark() {
    const { image, chosen, lastChosen } = this.active;
    if (!image.boxes.length) return;
    const place = ((chosen ?? lastChosen ?? -1) + 1) % image.boxes.length;
    this.active.lastChosen = place;
    this.showMark(this.active, place);
    this.tellChosen(this.active, place);
    this.say(told(this.texts.mark, { n: place + 1, score: image.boxes[place].score.toFixed(2) }));
  }

  tellChosen(pane, place) {
    this.#tell("osteon:mark-chosen", { sop_instance_uid: pane.image.sop_instance_uid, box: place });
  }

  // The reader's rectangle, in stored pixels, is theirs from here on.
  keepDraft(pane, box) {
    pane.draw(null);
    this.choose("pan");
    if (box === null) return;
    pane.own = [...pane.own, box];
    pane.surface.redraw();
    this.#tell("osteon:marked", { sop_instance_uid: pane.image.sop_instance_uid, box });
    this.say(this.texts.marked);
  }

  #tell(name, detail) {
    document.dispatchEvent(new CustomEvent(name, { detail }));
  }

  say(text) {
    this.said.textContent = text;
  }
}
