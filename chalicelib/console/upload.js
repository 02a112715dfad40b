// Upload files and folders: a form of the API for each, and the file by that form to S3.

import { post, sendForm } from "./api.js";

const AT_ONCE = 4;

/** Return `{file, path}` of what was dropped, folders with all that is in them. */
export async function droppedFiles(transfer) {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return Array.from(transfer.files, (file) => ({ file, path: file.name }));
  const found = [];
  for (const entry of entries) await gather(entry, found);
  return found;
}

/** Return `{file, path}` of files that were chosen; of a folder the paths begin with its name. */
export function chosenFiles(list) {
  return Array.from(list, (file) => ({ file, path: file.webkitRelativePath || file.name }));
}

async function gather(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const each of some) await gather(each, found);
  }
}

/** Upload all files, some at once; tell `onChange` of counts, and of each failure with its reason. */
export async function uploadAll(files, collection, onChange) {
  const waiting = [...files];
  const state = { total: files.length, sent: 0, failures: [] };
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        await uploadOne(next, collection);
        state.sent += 1;
      } catch (error) {
        state.failures.push({ ...next, error });
      }
      onChange({ ...state, failures: [...state.failures] });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return state;
}

async function uploadOne({ file, path }, collection) {
  const announced = await post("v1/documents", { path, bytes: file.size, collection });
  await sendForm(announced.upload, file);
}
