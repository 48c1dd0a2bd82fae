/**
 * Runs minidl in a Web Worker: CPython and NumPy, compiled to WebAssembly, in a file system in memory.
 *
 * The page sends `start` once and then one `ask` at a time. Each `ask` is one turn of the interpreter.
 * The worker sends `progress`, `ready`, `output`, `frame` and `died`; see transport.js, which is its only user.
 */

import { Directory, File } from "./runtime/wasi/index.js";
import { forgetAll } from "./download.js";
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

/** The size of a buffer for a frame is a multiple of this. */
const BLOCK = 0x4000;

/** @type {Interpreter | undefined} */
let interpreter;

self.onmessage = ({ data }) => {
  if (data.type === "start") start(data);
  else answer(data.id, data.command, data.buffer);
};

/** @param {any} data what loader.js has loaded */
async function start({ module, stdlib, minidl, files, separate }) {
  try {
    const began = performance.now();
    const base = new URL("./runtime/", import.meta.url);
    const packages = untar(minidl);
    const lazy = (part) =>
      new LazyFile(new URL(files[part].name, base), files[part].bytes, () =>
        postMessage({ type: "progress", text: `Loading ${files[part].title}`, fraction: 0 }),
      );
    for (const [path, part] of Object.entries(separate)) place(packages, path, lazy(part));
    interpreter = await Interpreter.create(module, {
      lib: new Map([
        ["python315.zip", new File(stdlib, { readonly: true })],
        ["matplotlib.zip", lazy("matplotlib")],
        ["site-packages", new Directory(packages)],
      ]),
      write: (text, stream) => postMessage({ type: "output", text, stream }),
    });
    interpreter.turn(SETUP);
    postMessage({ type: "ready", time: performance.now() - began, memory: interpreter.bytes });
  } catch (error) {
    await forgetAll();
    died(error);
  }
}

/**
 * One turn: a command for the session, and the bytes of the frame that it returns. They are in a buffer that goes to the
 * page and comes back with the next command. Text would stay in memory for seconds, that of hundreds of frames at once.
 */
function answer(id, command, buffer) {
  try {
    // A JSON text is also a Python literal of the same string.
    const frame = interpreter.turn(`_session.turn(${JSON.stringify(JSON.stringify(command))})`);
    if (frame === undefined) throw new Error("The turn has ended without a frame.");
    if (buffer.byteLength < frame.length) buffer = new ArrayBuffer(BLOCK * Math.ceil(frame.length / BLOCK));
    new Uint8Array(buffer).set(frame);
    postMessage({ type: "frame", id, buffer, length: frame.length, memory: interpreter.bytes }, [buffer]);
  } catch (error) {
    died(error);
  }
}

function died(error) {
  interpreter = undefined;
  postMessage({ type: "died", message: error instanceof Error ? error.message : String(error) });
}
