// The trial's page: files come by choice, drop or paste, and are looked at one after another.
import { isTyping } from "./frame.js";
import { watchDrags } from "./trial/drags.js";
import { chosen } from "./trial/picked.js";
import { Sending } from "./trial/sending.js";
import { Trial } from "./trial/trial.js";

const HEAT = 0.6; // how strong it is when it is switched on

const part = (name) => document.querySelector(`[data-${name}]`);

class Desk {
  #texts = JSON.parse(document.getElementById("trial-texts").textContent);
  #layers = { boxes: true, strength: HEAT };
  #trials = [];
  #isLooking = false;
  #maxFiles;
  #settings;
  #sending;

  constructor({ maxBytes, maxFiles }) {
    this.#maxFiles = Number(maxFiles);
    this.#settings = { texts: this.#texts, layers: this.#layers, maxBytes: Number(maxBytes) };
    this.#sending = new Sending(part("send"), this.#texts, () => this.#trials);
  }

  add(files) {
    const waiting = this.#trials.filter((one) => one.state === "waiting" || one.state === "looking");
    const taken = files.slice(0, Math.max(this.#maxFiles - waiting.length, 0));
    for (const file of taken) {
      const trial = new Trial(file, part("trial"), this.#settings);
      this.#trials.push(trial);
      part("trials").append(trial.element);
    }
    const left = files.length - taken.length;
    part("left-out").textContent = left
      ? this.#texts.tooMany.replace("{n}", left).replace("{max}", this.#maxFiles) : "";
    this.#refresh();
    this.#lookAtAll();
  }

  async #lookAtAll() {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      for (let next; (next = this.#trials.find((trial) => trial.state === "waiting"));) {
        await next.look();
        this.#tell(next);
        this.#refresh();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  #refresh() {
    const count = this.#trials.length;
    document.body.classList.toggle("has-results", count > 0);
    part("results").hidden = count === 0;
    part("guide").hidden = count > 0;
    part("count").textContent = count === 1 ? this.#texts.one : this.#texts.many.replace("{n}", count);
    this.#sending.refresh();
  }

  // For who hears the page: how far it is, and what was not tried.
  #tell(trial) {
    const all = this.#trials.length;
    const done = this.#trials.filter((one) => one.state === "done" || one.state === "failed").length;
    const progress = (done === all ? this.#texts.finished : this.#texts.progress)
      .replace("{done}", done).replace("{all}", all);
    const failed = trial.state !== "failed" ? "" : this.#texts.failed
      .replace(/\{name\}|\{reason\}/g, (word) => (word === "{name}" ? trial.name : trial.reason));
    part("said").textContent = `${failed} ${progress}`.trim();
  }

  #remove(gone) {
    for (const trial of gone) trial.remove();
    this.#trials = this.#trials.filter((trial) => !gone.includes(trial));
    if (!this.#trials.length) this.#sending.forget();
    this.#refresh();
    document.getElementById("files").focus({ preventScroll: this.#trials.length > 0 });
  }

  setLayer(changes) {
    Object.assign(this.#layers, changes);
    part("strength").value = this.#layers.strength;
    document.querySelector("[data-layer=boxes]").setAttribute("aria-pressed", String(this.#layers.boxes));
    for (const trial of this.#trials) trial.picture.redraw();
  }

  switchBoxes() {
    this.setLayer({ boxes: !this.#layers.boxes });
  }

  switchHeat() {
    this.setLayer({ strength: this.#layers.strength > 0 ? 0 : HEAT });
  }

  press(event) {
    const pressed = event.target.closest("button");
    if (!pressed) return;
    const trial = this.#trials.find((one) => one.element.contains(pressed));
    if (pressed.matches("[data-layer]")) this.switchBoxes();
    else if (pressed.matches("[data-clear]")) this.#remove(this.#trials);
    else if (trial && pressed.matches("[data-remove]")) this.#remove([trial]);
    else if (trial && pressed.matches("[data-again]")) {
      trial.wait();
      this.#lookAtAll();
    }
  }
}

function followKey(event, desk) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
  if (event.key === "a") document.getElementById("files").click();
  else if (event.key === "b") desk.switchBoxes();
  else if (event.key === "h") desk.switchHeat();
}

function start(dropPlace) {
  const desk = new Desk(dropPlace.dataset);
  for (const input of document.querySelectorAll("[data-drop] input")) {
    input.addEventListener("change", () => desk.add(chosen(input)));
  }
  part("strength").addEventListener("input", (event) => desk.setLayer({ strength: Number(event.target.value) }));
  addEventListener("click", (event) => desk.press(event));
  addEventListener("keydown", (event) => followKey(event, desk));
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length && !isTyping(event)) desk.add(files);
  });
  watchDrags((files) => desk.add(files));
}

const dropPlace = part("drop");
if (dropPlace) start(dropPlace);
