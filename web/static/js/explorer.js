// What another operating point would do: looked up in what was measured, and in the node's own studies.
const explorer = document.querySelector("[data-explorer]");
const { thresholds, own_studies: own } = JSON.parse(document.getElementById("explored").textContent);
const sliders = Object.fromEntries([...explorer.querySelectorAll("[data-moves]")].map((one) => [one.dataset.moves, one]));
const LEAST_STUDIES = 20;

function show(name, text) {
  explorer.querySelector(`[data-shows="${name}"]`).textContent = text;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function measuredAt(probability) {
  return thresholds.reduce((best, one) =>
    Math.abs(one[0] - probability) < Math.abs(best[0] - probability) ? one : best);
}

function ownAlarms(probability) {
  const total = own.reduce((sum, one) => sum + one, 0);
  if (total < LEAST_STUDIES) return null;
  const called = own.reduce((sum, one, step) => sum + (step / 200 >= probability - 1e-9 ? one : 0), 0);
  return 100 * called / total;
}

function tell() {
  const probability = Number(sliders.probability.value);
  const prevalence = Number(sliders.prevalence.value);
  const [, sensitivity, specificity] = measuredAt(probability);
  const right = 100 * sensitivity * prevalence;
  const wrong = 100 * (1 - specificity) * (1 - prevalence);
  show("probability", probability.toFixed(3));
  show("prevalence", percent(prevalence));
  show("sensitivity", percent(sensitivity));
  show("specificity", percent(specificity));
  show("alarms", (right + wrong).toFixed(1));
  show("false", wrong.toFixed(1));
  show("missed", (100 * prevalence - right).toFixed(1));
  const alarms = ownAlarms(probability);
  const place = explorer.querySelector("[data-shows=own]");
  place.textContent = alarms === null ? place.dataset.none : alarms.toFixed(1);
}

explorer.addEventListener("input", tell);
explorer.addEventListener("click", (event) => {
  const button = event.target.closest("[data-goes]");
  if (!button) return;
  sliders.probability.value = button.dataset.goes;
  tell();
});
tell();
