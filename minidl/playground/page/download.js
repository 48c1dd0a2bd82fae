/**
 * Fetches the files of the runtime, each once: their names contain a hash of their content, and the browser keeps them.
 *
 * A file comes as gzip under a name that no server takes for it, so that what arrives is the same everywhere.
 *
 * @typedef {{name: string, bytes: number, unpacked: number, title: string}} Packed
 */

const CACHE = "minidl-playground";

/** What the browser is still writing. @type {Promise<void>[]} */
const writing = [];

/** What the browser has kept, or the network brings. @returns {Promise<Response>} */
async function find(url) {
  const cache = await store();
  const known = await cache?.match(url);
  if (known) return known;
  // The copy below is kept instead of one in the browser's own cache.
  const response = await fetch(url, { cache: cache ? "no-store" : "default" });
  if (!response.ok) throw new Error(`${new URL(url).pathname} cannot be loaded: status ${response.status}.`);
  // A browser that has no room left loads the file again next time.
  if (cache) writing.push(cache.put(url, response.clone()).catch(() => {}));
  return response;
}

/** A page that is neither local nor encrypted has no such cache. @returns {Promise<Cache | undefined>} */
async function store() {
  try {
    return await globalThis.caches?.open(CACHE);
  } catch {
    return undefined; // it may be forbidden, too
  }
}

/**
 * The unpacked content of a file as a stream.
 * @param {URL} base
 * @param {Packed} file
 * @param {(bytes: number) => void} arrived
 */
export async function stream(base, file, arrived) {
  const response = await find(new URL(file.name, base).href);
  const count = new TransformStream({
    transform(chunk, controller) {
      arrived(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
  return response.body.pipeThrough(count).pipeThrough(new DecompressionStream("gzip"));
}

/** The unpacked content of a file. @returns {Promise<ArrayBuffer>} */
export async function load(base, file, arrived) {
  const data = new Uint8Array(file.unpacked);
  let at = 0;
  for await (const chunk of chunks(await stream(base, file, arrived))) {
    data.set(chunk, at);
    at += chunk.byteLength;
  }
  if (at !== file.unpacked) throw new Error(`${file.name} holds ${at} bytes, not ${file.unpacked}.`);
  return data.buffer;
}

/** Not every browser iterates over a stream by itself. */
async function* chunks(source) {
  const reader = source.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/**
 * Return once the browser has kept what it could, and drop the files of earlier versions.
 * @param {URL} base
 * @param {Packed[]} files the current ones
 */
export async function keep(base, files) {
  await Promise.all(writing);
  const cache = await store();
  const current = new Set(files.map((file) => new URL(file.name, base).href));
  for (const request of (await cache?.keys()) ?? []) {
    if (request.url.startsWith(base.href) && !current.has(request.url)) await cache.delete(request);
  }
}

/** Drop everything that was kept: what is damaged is loaded again. */
export async function forgetAll() {
  await globalThis.caches?.delete(CACHE).catch(() => {});
}
