/**
 * Runs minidl in a Web Worker: CPython and NumPy, compiled to WebAssembly, in a file system in memory.
 *
 * The page sends `start` once and then one `ask` at a time. Each `ask` is one turn of the interpreter.
 * The worker sends `progress`, `ready`, `output`, `frame` and `died`; see transport.js, which is its only user.
 */

import { Directory, File } from "./runtime/wasi/index.js";
import { forgetAll, forgetOthers, load, stream } from "./download.js";
import { LazyFile, place, untar } from "./files.js";
import { Interpreter } from "./interpreter.js";

/** What the interpreter runs first. Opening the zip file of Matplotlib fetches it. */
const SETUP = `
import gc, sys
sys.path[1:1] = ["/usr/local/lib/site-packages"]
from minidl.playground.browser import MatplotlibFinder, flush_lines, forget_sources
from minidl.playground.session import Session
flush_lines()
forget_sources()
sys.meta_path.insert(0, MatplotlibFinder("/usr/local/lib/matplotlib.zip", "/home/matplotlib"))
_session = Session()
gc.freeze()
`;

/** @type {Interpreter | undefined} */
let interpreter;

self.onmessage = ({ data }) => {
  if (data.type === "start") start(data.module);
  else answer(data.id, data.command);
};

/** @param {WebAssembly.Module} [module] compiled already, if the page has started a worker before */
async function start(module) {
  try {
    const began = performance.now();
    const base = new URL("./runtime/", import.meta.url);
    const response = await fetch(new URL("manifest.json", base), { cache: "no-cache" });
    if (!response.ok) throw new Error(`runtime/manifest.json cannot be loaded: status ${response.status}.`);
    const { files, separate } = await response.json();
    const arrived = counter(["stdlib", "minidl", ...(module ? [] : ["python"])].map((part) => files[part].bytes));
    const loaded = [load(base, files.stdlib, arrived), load(base, files.minidl, arrived)];
    module ??= await compile(await stream(base, files.python, arrived));
    const [library, minidl] = await Promise.all(loaded);
    const compiled = performance.now();
    postMessage({ type: "progress", text: "Starting Python", fraction: 1 });
    const packages = untar(minidl);
    const lazy = (part) =>
      new LazyFile(new URL(files[part].name, base), files[part].bytes, () =>
        postMessage({ type: "progress", text: `Loading ${files[part].title}`, fraction: 0 }),
      );
    for (const [path, part] of Object.entries(separate)) place(packages, path, lazy(part));
    interpreter = await Interpreter.create(module, {
      lib: new Map([
        ["python315.zip", new File(library, { readonly: true })],
        ["matplotlib.zip", lazy("matplotlib")],
        ["site-packages", new Directory(packages)],
      ]),
      write: (text, stream) => postMessage({ type: "output", text, stream }),
    });
    interpreter.turn(SETUP);
    const times = { load: compiled - began, start: performance.now() - compiled };
    postMessage({ type: "ready", module, times, memory: interpreter.bytes });
    await forgetOthers(base, Object.values(files));
  } catch (error) {
    await forgetAll();
    died(error);
  }
}

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

/** One turn: a command for the session, and the frame that it returns. */
function answer(id, command) {
  try {
    // A JSON text is also a Python literal of the same string.
    const frame = interpreter.turn(`_session.turn(${JSON.stringify(JSON.stringify(command))})`);
    if (frame === undefined) throw new Error("The turn has ended without a frame.");
    postMessage({ type: "frame", id, frame, memory: interpreter.bytes });
  } catch (error) {
    died(error);
  }
}

function died(error) {
  interpreter = undefined;
  postMessage({ type: "died", message: error instanceof Error ? error.message : String(error) });
}
