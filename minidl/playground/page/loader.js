/**
 * Loads what the interpreter runs on. This is a Web Worker of its own, because the memory that a download leaves behind
 * is free again when its worker ends.
 *
 * The page sends one message, which says whether it has the compiled module already. The worker sends `progress`, and
 * at the end `loaded` or `died`; see transport.js, which is its only user.
 */

import { forgetAll, keep, load, stream } from "./download.js";

self.onmessage = async ({ data }) => {
  try {
    const began = performance.now();
    const base = new URL("./runtime/", import.meta.url);
    const response = await fetch(new URL("manifest.json", base), { cache: "no-cache" });
    if (!response.ok) throw new Error(`runtime/manifest.json cannot be loaded: status ${response.status}.`);
    const { files, separate } = await response.json();
    const parts = ["stdlib", "minidl", ...(data.compiled ? [] : ["python"])];
    const arrived = counter(parts.map((part) => files[part].bytes));
    const [stdlib, minidl, module] = await Promise.all([
      load(base, files.stdlib, arrived),
      load(base, files.minidl, arrived),
      data.compiled ? undefined : stream(base, files.python, arrived).then(compile),
    ]);
    postMessage({ type: "progress", text: "Starting Python", fraction: 1 });
    const time = performance.now() - began;
    postMessage({ type: "loaded", module, stdlib, minidl, files, separate, time }, [stdlib, minidl]);
    await keep(base, Object.values(files));
  } catch (error) {
    await forgetAll();
    postMessage({ type: "died", message: error instanceof Error ? error.message : String(error) });
  }
  self.close();
};

/** @param {ReadableStream} source */
function compile(source) {
  return WebAssembly.compileStreaming(new Response(source, { headers: { "Content-Type": "application/wasm" } }));
}

/** Tells the page how much has arrived, ten times per second. @param {number[]} sizes */
function counter(sizes) {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let [loaded, told] = [0, -Infinity];
  return (bytes) => {
    loaded += bytes;
    if (performance.now() - told < 100 && loaded < total) return;
    told = performance.now();
    const megabytes = (size) => (size / 1e6).toFixed(1);
    const text = `Loading Python, NumPy and minidl: ${megabytes(loaded)} of ${megabytes(total)} MB`;
    postMessage({ type: "progress", text, fraction: Math.min(1, loaded / total) });
  };
}
