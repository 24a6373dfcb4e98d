// What stands around a picture: which it is, what was found, and how it is shown.
import { pointText, scaleBar, told, windowText, zoomText } from "./readout.js";

export class PaneWords {
  #element;
  #image;
  #texts;

  constructor(element, image, texts) {
    this.#element = element;
    this.#image = image;
    this.#texts = texts;
    this.#part("title").textContent = this.title;
    const chip = this.#part("finding");
    chip.textContent = this.finding;
    chip.classList.add(`finding-${image.state}`);
    this.#part("apart").hidden = !image.kept_apart;
    this.#part("apart").title = image.kept_apart ?? "";
    this.#element.querySelector("canvas").setAttribute("aria-label", this.#label());
  }

  #part(name) {
    return this.#element.querySelector(`[data-${name}]`);
  }

  get title() {
    const { number, label, view, laterality } = this.#image;
    const side = this.#texts.sides[laterality] ?? laterality;
    return [`${number}`, [label, view, side].filter(Boolean).join(" ")].filter(Boolean).join(" · ");
  }

  get finding() {
    return this.#texts.findings[this.#image.state] ?? this.#image.state;
  }

  #label() {
    const { boxes, reason } = this.#image;
    const parts = [told(this.#texts.image, { title: this.title }), this.finding];
    if (boxes.length) parts.push(told(this.#texts.marks, { n: boxes.length }));
    if (reason) parts.push(reason);
    return parts.join(". ");
  }

  showWaiting() {
    this.#element.dataset.state = "waiting";
    this.#part("note").textContent = this.#texts.loading;
    this.#part("note").hidden = false;
    this.#part("trouble").hidden = true;
  }

  showTrouble({ message, again }) {
    this.#element.dataset.state = "trouble";
    this.#part("note").hidden = true;
    this.#part("trouble").hidden = false;
    this.#part("reason").textContent = message || this.#texts.noAnswer;
    this.#part("again").hidden = !again;
  }

  showPicture(pane) {
    this.#part("note").hidden = true;
    this.#part("trouble").hidden = true;
    const frames = this.#part("frames");
    frames.hidden = pane.frame.frames === 1;
    const slider = frames.querySelector("input");
    slider.max = pane.frame.frames;
    slider.value = pane.number;
    frames.querySelector("output").textContent = `${pane.number} / ${pane.frame.frames}`;
    this.showView(pane);
    this.showPlace(pane);
  }

  showView(pane) {
    const inverted = pane.inverted ? ` · ${this.#texts.inverted}` : "";
    this.#part("window").textContent = windowText(pane.view, this.#texts) + inverted;
  }

  showPlace(pane) {
    this.#part("zoom").textContent = zoomText(pane.placement.scale);
    const bar = scaleBar(pane.frame, pane.placement.scale / pane.surface.pixelRatio);
    const scale = this.#part("scale");
    scale.hidden = bar === null;
    if (bar === null) return;
    scale.querySelector("[data-bar]").style.width = `${bar.pixels}px`;
    const where = pane.frame.spacing.is_calibrated ? "" : ` ${this.#texts.atDetector}`;
    scale.querySelector("[data-length]").textContent = bar.text + where;
  }

  showPoint(pane, place) {
    const said = place && pane.frame ? pointText(pane.frame, pane.placement.toImage(...place), this.#texts) : "";
    this.#part("point").textContent = said;
  }
}
