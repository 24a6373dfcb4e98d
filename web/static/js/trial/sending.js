// Sending the tried images through the listener: one after another, what failed again when asked again.
import { NoAnswer, post } from "./node.js";

export class Sending {
  #panel;
  #form;
  #texts;
  #trials;
  #study = null; // of the pictures: seed, moment of the first, and how many there were

  // `trials()`: those that are there now.
  constructor(panel, texts, trials) {
    this.#panel = panel;
    this.#form = panel.querySelector("[data-send-form]");
    this.#texts = texts;
    this.#trials = trials;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#form.addEventListener("input", () => this.#beginAnew());
  }

  refresh() {
    const trials = this.#trials().filter((trial) => trial.canBeSent);
    this.#panel.hidden = trials.length === 0;
    this.#button.disabled = trials.every((trial) => trial.isSent);
  }

  forget() {
    this.#study = null;
    this.#part("sent").replaceChildren();
    this.#say("");
  }

  // Another patient's study is another study.
  #beginAnew() {
    this.#study = null;
    for (const trial of this.#trials()) if (trial.kind !== "DICOM") trial.isSent = false;
    this.refresh();
  }

  async #send() {
    const due = this.#trials().filter((trial) => trial.canBeSent && !trial.isSent);
    if (!due.length) return this.#say(this.#texts.nothing);
    const fields = Object.fromEntries(new FormData(this.#form));
    this.#button.disabled = true;
    for (const said of this.#part("sent").querySelectorAll(".bad")) said.parentElement.remove();
    let done = 0;
    for (const trial of due) {
      this.#say(this.#texts.sending.replace("{done}", done + 1).replace("{all}", due.length));
      done += Number(await this.#sendOne(trial, fields));
    }
    const said = done === due.length ? this.#texts.sent : this.#texts.partlySent;
    this.#say(said.replace("{done}", done).replace("{all}", due.length));
    if (due.every((trial) => trial.isSent)) this.#study = null;
    this.refresh();
  }

  async #sendOne(trial, fields) {
    this.#study ??= { seed: randomSeed(), begun: null, pictures: 0 };
    if (trial.kind !== "DICOM") trial.number ??= { of: this.#study, place: this.#study.pictures += 1 };
    const head = { ...fields, seed: this.#study.seed, begun: this.#study.begun, number: this.#placeOf(trial) };
    const body = new Blob([JSON.stringify(head), "\n", trial.file]);
    try {
      const answer = await post("/try/send", body, this.#texts);
      this.#study.begun = answer.begun;
      trial.isSent = true;
      this.#link(answer.study_instance_uid);
      return true;
    } catch (trouble) {
      if (!(trouble instanceof NoAnswer)) throw trouble;
      this.#tell(`${trial.name}: ${trouble.message}`);
      return false;
    }
  }

  // Its place in the study, the same when it is sent again.
  #placeOf(trial) {
    if (trial.kind === "DICOM") return 1;
    if (trial.number.of !== this.#study) trial.number = { of: this.#study, place: this.#study.pictures += 1 };
    return trial.number.place;
  }

  #link(uid) {
    const address = `/study/${encodeURIComponent(uid)}`;
    const list = this.#part("sent");
    if ([...list.querySelectorAll("a")].some((link) => link.getAttribute("href") === address)) return;
    const link = document.createElement("a");
    link.href = address;
    link.textContent = this.#texts.study.replace("{uid}", `…${uid.slice(-12)}`);
    list.append(item(link));
  }

  #tell(text) {
    const said = document.createElement("span");
    said.className = "bad";
    said.textContent = text;
    this.#part("sent").append(item(said));
  }

  #say(text) {
    this.#part("send-said").textContent = text;
  }

  get #button() {
    return this.#form.querySelector("button");
  }

  #part(name) {
    return this.#panel.querySelector(`[data-${name}]`);
  }
}

function item(content) {
  const one = document.createElement("li");
  one.append(content);
  return one;
}

function randomSeed() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
