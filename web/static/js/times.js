// The hospital's time is in the page; a reader in another zone sees their own, the hospital's on hover.
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;

function partsOf(moment, zone) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
  });
  return Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
}

function written(moment, zone) {
  const time = partsOf(moment, zone);
  const today = partsOf(new Date(), zone);
  const date = `${time.year}-${time.month}-${time.day}`;
  return date === `${today.year}-${today.month}-${today.day}`
    ? `${time.hour}:${time.minute}:${time.second}`
    : `${date} ${time.hour}:${time.minute}`;
}

export function showTimes(root) {
  for (const time of root.querySelectorAll("time[data-zone]")) {
    if (time.dataset.zone === own || time.dataset.shown === time.dateTime) continue;
    time.title = `${time.textContent.trim()} ${time.dataset.zone}`;
    time.textContent = written(new Date(time.dateTime), own);
    time.dataset.shown = time.dateTime;
  }
}
