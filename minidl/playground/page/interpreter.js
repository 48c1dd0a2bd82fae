/** CPython, compiled to WebAssembly, with its memory, its files and its output. */

import { Directory, File, WASI, WASIProcExit } from "./runtime/wasi/index.js";
import { Console, Folder } from "./files.js";

const ENVIRONMENT = ["HOME=/home", "TMPDIR=/home", "MPLCONFIGDIR=/home", "MPLBACKEND=Agg", "NO_COLOR=1"];
const FRAME = "\x1e"; // the first character of a line that is a frame, not output

/** How many characters that a command prints are shown, per stream. */
const MAX_OUTPUT = 200_000;

/** @typedef {(text: string, stream: "stdout" | "stderr") => void} Write */

export class Interpreter {
  #instance;
  #write;
  #pending = "";
  #errors = "";
  #printed = { stdout: 0, stderr: 0 };
  /** @type {string | undefined} */
  #frame;

  /**
   * @param {WebAssembly.Module} module
   * @param {{lib: Map<string, File | Directory>, write: Write}} options what is in /usr/local/lib, and where output goes
   */
  static async create(module, { lib, write }) {
    const self = new Interpreter();
    self.#write = (text, stream) => {
      const left = MAX_OUTPUT - self.#printed[stream];
      self.#printed[stream] += text.length;
      if (left >= text.length) write(text, stream);
      else if (left >= 0) write(`${text.slice(0, left)}\n… what follows is not shown\n`, stream);
    };
    const descriptors = [
      new Console(() => {}), // there is nothing to read
      new Console((text) => self.#print(text)),
      new Console((text) => self.#complain(text)),
      new Folder("/usr/local/lib", lib),
      new Folder("/home", new Map()),
    ];
    const wasi = new WASI(["python"], ENVIRONMENT, descriptors, { debug: false }); // otherwise it logs each opened file
    const imports = { wasi_snapshot_preview1: wasi.wasiImport, host: { call: () => 1 } }; // 1: there is no such host
    self.#instance = await WebAssembly.instantiate(module, imports);
    wasi.inst = self.#instance;
    self.#instance.exports._initialize();
    return self;
  }

  /** The size of its memory. */
  get bytes() {
    return this.#instance.exports.memory.buffer.byteLength;
  }

  /**
   * Run Python code, and return the last frame that it wrote, if any.
   * An exception in the code, like the end of the interpreter, is an Error.
   * @param {string} code
   */
  turn(code) {
    const { host_alloc, turn, memory } = this.#instance.exports;
    const bytes = new TextEncoder().encode(code);
    this.#errors = this.#pending = "";
    this.#printed = { stdout: 0, stderr: 0 };
    this.#frame = undefined;
    const at = host_alloc(bytes.length) >>> 0;
    if (at === 0) throw new Error("There is no memory left.");
    // The memory may have grown since the last turn, which makes older views of it useless.
    new Uint8Array(memory.buffer).set(bytes, at);
    let status;
    try {
      status = turn(at, bytes.length);
    } catch (error) {
      if (error instanceof WASIProcExit) throw new Error(`Python has exited with status ${error.code}.`);
      throw new Error(`Python has stopped: ${error?.message ?? error}`);
    }
    if (this.#pending) this.#write(this.#pending, "stdout");
    if (status !== 0) throw new Error(this.#errors.trim() || `Python has failed with status ${status}.`);
    return this.#frame;
  }

  #print(text) {
    let rest = this.#pending + text;
    for (;;) {
      const start = rest.indexOf(FRAME);
      const output = start < 0 ? rest : rest.slice(0, start);
      if (output) this.#write(output, "stdout");
      const end = start < 0 ? -1 : rest.indexOf("\n", start);
      this.#pending = start < 0 ? "" : rest.slice(start);
      if (end < 0) return;
      // A program may print this character itself, and without a line end. The frame comes after the last one.
      const mark = rest.lastIndexOf(FRAME, end);
      if (mark > start) this.#write(rest.slice(start, mark), "stdout");
      this.#frame = rest.slice(mark + 1, end);
      rest = rest.slice(end + 1);
    }
  }

  #complain(text) {
    this.#errors = (this.#errors + text).slice(-4000);
    this.#write(text, "stderr");
  }
}
