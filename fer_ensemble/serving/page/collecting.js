/** Files out of drops, the clipboard and choosers, with the paths that they have there. */

const PICTURE = /\.(jpe?g|png|gif|webp|bmp|tiff?|avif|hei[cf]|jp2|p[bgp]m|pnm|dng|ico|jfif)$/i;
const VIDEO = /\.(mp4|m4v|webm|mkv|mov|avi|ogv|mpe?g|3gp)$/i;

/** @typedef {{file: File, path: string}} Found */

/** @param {File} file */
export const isVideo = (file) => file.type.startsWith("video/") || VIDEO.test(file.name);

const isPicture = (file) => file.type.startsWith("image/") || PICTURE.test(file.name);

/**
 * Files that were chosen.
 * @param {FileList | File[]} files
 * @returns {Found[]} with their paths below the folder, if one was chosen
 */
export const fromChooser = (files) =>
  Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name }));

/**
 * Leave out what a folder holds beside pictures: hidden files, videos, texts.
 * @param {Found[]} found
 * @returns {{pictures: Found[], leftOut: number, videos: Found[]}} pictures by their paths
 */
export function sift(found) {
  const seen = found.filter(({ path }) => !/(^|\/)\./.test(path));
  const pictures = seen.filter(({ file }) => isPicture(file));
  const videos = seen.filter(({ file }) => isVideo(file));
  const leftOut = seen.length - pictures.length - videos.length;
  const order = new Intl.Collator("en", { numeric: true });
  pictures.sort((one, other) => order.compare(one.path, other.path));
  return { pictures, videos, leftOut };
}

/**
 * Files and folders that were dropped or pasted.
 * @param {DataTransfer} transfer which is empty once its event is over: nothing may be awaited
 *   before this is called
 * @returns {Promise<{alone: Found[], inFolders: Found[]}>}
 */
export async function fromTransfer(transfer) {
  const items = Array.from(transfer.items).filter(({ kind }) => kind === "file");
  const entries = items.map((item) => [item.webkitGetAsEntry?.() ?? null, item.getAsFile()]);
  const alone = [];
  const inFolders = [];
  for (const [entry, file] of entries) {
    if (entry?.isDirectory) inFolders.push(...(await walk(entry)));
    else if (file) alone.push({ file, path: file.name || "pasted.png" });
  }
  return { alone, inFolders };
}

async function walk(folder) {
  const found = [];
  const waiting = [folder];
  while (waiting.length) {
    const reader = waiting.pop().createReader();
    // A reader gives some hundred entries at a time, and none at the end.
    for (;;) {
      const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!entries.length) break;
      for (const entry of entries) {
        if (entry.isDirectory) waiting.push(entry);
        else found.push({ file: await fileOf(entry), path: entry.fullPath.replace(/^\//, "") });
      }
    }
  }
  return found;
}

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));
