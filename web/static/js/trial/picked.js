// The files of a drop, a paste or a choice; folders to their depths, as `osteon predict` searches them.
const MOST_LOOKED_AT = 500;

function isMeant(file) {
  return !file.name.startsWith(".") && file.name !== "DICOMDIR";
}

export function chosen(input) {
  const files = [...input.files];
  input.value = ""; // so that the same file can be chosen again
  return files.filter(isMeant);
}

function namesOf(entries) {
  return entries.sort((one, other) => one.name.localeCompare(other.name));
}

function fileOf(entry) {
  return new Promise((resolve, reject) => { entry.file(resolve, reject); });
}

// A folder tells its entries in portions, an empty one at the end.
async function entriesOf(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {
    const portion = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!portion.length) return namesOf(found);
    found.push(...portion);
  }
}

async function gather(entry, found) {
  if (entry === null || found.length >= MOST_LOOKED_AT) return;
  if (entry.isFile) found.push(await fileOf(entry));
  else for (const inner of await entriesOf(entry)) await gather(inner, found);
}

export async function dropped(transfer) {
  const plain = [...transfer.files];
  // Asked at once: after the first wait the transfer is empty.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const found = [];
  for (const entry of entries) await gather(entry, found);
  return found.filter(isMeant);
}

export function isOfFiles(transfer) {
  return transfer !== null && [...transfer.types].includes("Files");
}
