/**
 * The way from the page to minidl: a Web Worker on a static host, or the server of `python -m minidl.playground`.
 *
 * Both take commands one at a time and in order, and return frames. What they are is described in session.py.
 *
 * @typedef {object} Listeners
 * @property {(text: string, fraction: number) => void} [onProgress] while something is being loaded
 * @property {(text: string, stream: "stdout" | "stderr") => void} [onOutput] what the user's code prints
 */

import { read } from "./frames.js";

const NEEDS = "The playground needs Chrome or Edge 137, Firefox 131, or Safari 18.4, or later.";

/**
 * Start minidl, and return once it takes commands.
 * @param {Listeners} listeners
 * @returns {Promise<Engine>}
 */
export async function connect(listeners = {}) {
  let kind;
  try {
    kind = (await (await fetch(new URL("engine.json", import.meta.url), { cache: "no-cache" })).json()).kind;
  } catch (error) {
    throw new Error("The playground has to be opened through a web server, such as python -m http.server.", {
      cause: error,
    });
  }
  const engine = kind === "server" ? new ServerEngine(listeners) : new WorkerEngine(listeners);
  await engine.restart();
  return engine;
}

/** What both kinds share: questions that wait for answers. */
class Engine {
  /** @type {Map<number, {resolve: (frame: object) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  #asked = 0;
  #ready = gate();
  #dead = "";
  /** The pictures of the latest frame. Those of the next one take their place. @type {Uint8Array | undefined} */
  #pixels;

  /** @param {Listeners} listeners */
  constructor(listeners) {
    this.listeners = listeners;
    /** The size of the interpreter's memory in bytes, if known. */
    this.memory = 0;
  }

  /**
   * Send a command, and return its frame. Rejects if the engine dies before it answers, or is restarted.
   * @param {object} command
   * @returns {Promise<any>}
   */
  ask(command) {
    if (this.#dead) return Promise.reject(new Error(this.#dead));
    const id = ++this.#asked;
    const { promise, resolve, reject } = deferred();
    this.#waiting.set(id, { resolve, reject });
    // A failed start is told by died() to all who wait.
    this.#ready.promise.then(() => this.#waiting.has(id) && this.post(id, command)).catch(() => {});
    return promise;
  }

  /** Stop whatever runs, and begin with a new interpreter. Returns once it takes commands. */
  restart() {
    this.died("The engine was restarted.");
    this.#dead = "";
    this.#ready = gate();
    this.start();
    return this.#ready.promise;
  }

  ready() {
    this.#ready.resolve(undefined);
  }

  /** @param {number} id @param {Uint8Array} bytes of the frame */
  answered(id, bytes) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    let frame;
    try {
      frame = read(bytes, this.#pixels);
    } catch {
      waiting?.reject(new Error(`This is not a frame: ${new TextDecoder().decode(bytes.subarray(0, 200))}`));
      return;
    }
    this.#pixels = frame?.pixels ?? this.#pixels;
    waiting?.resolve(frame);
  }

  /** @param {string} message */
  died(message) {
    this.#dead = message;
    this.#ready.reject(new Error(message));
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}

class WorkerEngine extends Engine {
  kind = /** @type {const} */ ("worker");
  /** @type {Worker | undefined} */
  #worker;
  /** Compiled once: the next worker starts in a fraction of the time. @type {WebAssembly.Module | undefined} */
  #module;
  /** How long loading and starting took, in milliseconds. */
  times = { load: 0, start: 0 };
  /** For the next frame, see worker.js. @type {ArrayBuffer | undefined} */
  #buffer;

  start() {
    this.#worker?.terminate();
    this.#worker = undefined;
    if (!supported()) return this.died(NEEDS);
    this.#run("loader.js", { compiled: Boolean(this.#module) });
  }

  /**
   * Start a worker, instead of the one before.
   * @param {string} script @param {object} message its first one @param {Transferable[]} [transfer]
   */
  #run(script, message, transfer = []) {
    const worker = new Worker(new URL(script, import.meta.url), { type: "module" });
    this.#worker = worker;
    // A worker that was stopped may have sent messages that are still on their way.
    worker.onmessage = ({ data }) => worker === this.#worker && this.#received(data);
    worker.onerror = (event) => {
      if (worker === this.#worker) this.died(`The worker has failed: ${event.message ?? "it cannot be loaded"}.`);
    };
    worker.postMessage(message, transfer);
  }

  #received(data) {
    this.memory = data.memory ?? this.memory;
    if (data.type === "progress") this.listeners.onProgress?.(data.text, data.fraction);
    else if (data.type === "output") this.listeners.onOutput?.(data.text, data.stream);
    else if (data.type === "frame") {
      this.#buffer = data.buffer;
      this.answered(data.id, new Uint8Array(data.buffer, 0, data.length));
    } else if (data.type === "died") this.died(data.message);
    else if (data.type === "loaded") {
      this.#module ??= data.module;
      this.times.load = data.time;
      const start = { ...data, type: "start", module: this.#module };
      this.#run("worker.js", start, [data.stdlib, data.minidl]); // loader.js ends by itself
    } else if (data.type === "ready") {
      this.times.start = data.time;
      this.ready();
    }
  }

  post(id, command) {
    const buffer = this.#buffer ?? new ArrayBuffer(0);
    this.#buffer = undefined;
    this.#worker.postMessage({ type: "ask", id, command, buffer }, [buffer]);
  }
}

class ServerEngine extends Engine {
  kind = /** @type {const} */ ("server");
  /** @type {EventSource | undefined} */
  #events;
  #session = "";
  /** The request before, as the browser does not keep the order of requests. */
  #sent = Promise.resolve();

  start() {
    this.#events?.close();
    this.#session = "";
    this.#sent = Promise.resolve();
    const events = new EventSource(new URL("events", import.meta.url));
    this.#events = events;
    this.listeners.onProgress?.("Starting Python", 1);
    const on = (name, action) =>
      events.addEventListener(name, ({ data }) => events === this.#events && action(JSON.parse(data)));
    on("ready", ({ session }) => {
      this.#session = session;
      this.ready();
    });
    on("frame", ({ id, frame }) => this.answered(id, new TextEncoder().encode(frame)));
    on("output", ({ text, stream }) => this.listeners.onOutput?.(text, stream));
    on("died", ({ message }) => this.#ended(message));
    events.onerror = () => events === this.#events && this.#ended("The server has closed the connection.");
  }

  #ended(message) {
    this.#events?.close(); // it would connect again by itself, to a new interpreter that knows no settings
    this.died(message);
  }

  post(id, command) {
    const session = this.#session;
    this.#sent = this.#sent.then(() => this.#send(session, id, command));
  }

  async #send(session, id, command) {
    let failure = "";
    try {
      const response = await fetch(new URL("ask", import.meta.url), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ session, id, command }),
      });
      if (!response.ok) failure = `The server has refused a command: ${(await response.text()).trim()}`;
    } catch {
      failure = "The server does not answer.";
    }
    // After a restart, what becomes of commands to the session before does not matter.
    if (failure && session === this.#session) this.#ended(failure);
  }
}

/** A promise to resolve or reject later. It may be rejected while nobody waits for it. */
function gate() {
  const resolvers = deferred();
  resolvers.promise.catch(() => {});
  return resolvers;
}

/** Promise.withResolvers, which browsers too old to run Python lack: they, too, have to be told what is needed. */
function deferred() {
  let resolve, reject;
  const promise = new Promise((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

/** Python is compiled with exceptions of WebAssembly, which may be switched off altogether. The files are packed. */
function supported() {
  // A module with one type: a function that takes an exnref.
  const module = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 0x69, 0]);
  return typeof DecompressionStream === "function" && Boolean(globalThis.WebAssembly?.validate(module));
}
