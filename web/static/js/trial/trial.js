// One tried file: its place in the list, what becomes of it, and its answer.
import { NoAnswer, post } from "./node.js";
import { Picture } from "./picture.js";

export class Trial {
  state = "waiting"; // waiting, looking, done, failed
  kind = null;
  isSent = false;
  #isWhole = false; // it could be decoded
  #texts;
  #aborted = new AbortController();

  constructor(file, template, { texts, layers, maxBytes }) {
    this.file = file;
    this.name = file.webkitRelativePath || file.name || texts.pasted;
    this.#texts = texts;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.#part("name").textContent = this.name;
    this.#part("size").textContent = sizeOf(file.size);
    this.#part("remove").setAttribute("aria-label", texts.remove.replace("{name}", () => this.name));
    this.picture = new Picture(this.element.querySelector("canvas"), layers);
    if (file.size > maxBytes) this.#fail(texts.tooLarge.replace("{max}", maxBytes / 2 ** 20), false);
    else if (file.size === 0) this.#fail(texts.empty, false);
    else this.wait();
  }

  wait() {
    this.#enter("waiting");
    this.#part("stage").textContent = this.#texts.waiting;
  }

  async look() {
    this.#enter("looking");
    this.#part("stage").textContent = this.#texts.looking;
    try {
      await this.#show(await post("/try/predict", this.file, this.#texts, this.#aborted.signal));
    } catch (trouble) {
      if (this.#aborted.signal.aborted) return;
      if (!(trouble instanceof NoAnswer)) throw trouble;
      this.#fail(trouble.message, trouble.again);
    }
  }

  async #show(answer) {
    this.kind = answer.kind;
    this.#isWhole = answer.preview !== null;
    this.#part("card").innerHTML = answer.card; // the node's own template, every value escaped
    const { state, boxes } = answer.result;
    if (answer.preview !== null) {
      await this.picture.show(answer);
      if (this.#aborted.signal.aborted) return this.picture.close();
      this.element.querySelector("canvas").setAttribute("aria-label", this.#texts.picture
        .replace("{finding}", this.#texts.findings[state] ?? "")
        .replace("{n}", boxes.length)
        .replace("{name}", () => this.name));
    }
    this.#enter("done");
    this.#part("picture").hidden = answer.preview === null;
  }

  #fail(reason, again) {
    this.#enter("failed");
    this.reason = reason;
    this.#part("reason").textContent = reason;
    this.#part("again").hidden = !again;
  }

  #enter(state) {
    this.state = state;
    this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", String(state === "looking"));
    this.#part("progress").hidden = state === "done" || state === "failed";
    this.#part("wrong").hidden = state !== "failed";
  }

  get canBeSent() {
    return this.state === "done" && (this.#isWhole || this.kind === "DICOM");
  }

  remove() {
    this.#aborted.abort();
    this.picture.close();
    this.element.remove();
  }

  #part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }
}

function sizeOf(bytes) {
  return bytes < 999_500 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
