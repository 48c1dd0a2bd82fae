/** CPython, compiled to WebAssembly, with its memory, its files and its output. */

import { Directory, File, WASI, WASIProcExit } from "./runtime/wasi/index.js";
import { Console, Folder } from "./files.js";

const ENVIRONMENT = ["HOME=/home", "TMPDIR=/home", "MPLCONFIGDIR=/home", "MPLBACKEND=Agg", "NO_COLOR=1"];

/** The first byte of a line that is a frame, not output, and the last one. */
const [FRAME, END] = [0x1e, 0x0a];

/** How many characters that a command prints are shown, per stream. */
const MAX_OUTPUT = 200_000;

/** @typedef {(text: string, stream: "stdout" | "stderr") => void} Write */

export class Interpreter {
  #instance;
  #write;
  /** What may be a frame. */
  #line = new Bytes();
  #errors = "";
  #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #printed = { stdout: 0, stderr: 0 };
  /** @type {Uint8Array | undefined} */
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
      new Console((bytes) => self.#print(bytes)),
      new Console((bytes) => self.#complain(bytes)),
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
   * Run Python code, and return the last frame that it wrote, if any. Its bytes are good until the next turn.
   * An exception in the code, like the end of the interpreter, is an Error.
   * @param {string} code
   */
  turn(code) {
    const { host_alloc, turn, memory } = this.#instance.exports;
    const bytes = new TextEncoder().encode(code);
    this.#errors = "";
    this.#line.clear();
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
    this.#show(this.#line.all);
    if (status !== 0) throw new Error(this.#errors.trim() || `Python has failed with status ${status}.`);
    return this.#frame;
  }

  /** @param {Uint8Array} bytes output, frames, or parts of them */
  #print(bytes) {
    let rest = bytes;
    while (rest.length) {
      if (!this.#line.length) {
        const start = rest.indexOf(FRAME);
        this.#show(start < 0 ? rest : rest.subarray(0, start));
        if (start < 0) return;
        rest = rest.subarray(start);
      }
      const end = rest.indexOf(END);
      this.#line.append(end < 0 ? rest : rest.subarray(0, end));
      if (end < 0) return;
      // A program may print the first byte itself, and without a line end. The frame comes after the last one.
      const line = this.#line.all;
      const mark = line.lastIndexOf(FRAME);
      this.#show(line.subarray(0, mark));
      this.#frame = line.subarray(mark + 1);
      this.#line.clear();
      rest = rest.subarray(end + 1);
    }
  }

  /** @param {Uint8Array} bytes */
  #show(bytes) {
    const text = this.#decoders.stdout.decode(bytes, { stream: true }); // a letter may be cut in two
    if (text) this.#write(text, "stdout");
  }

  /** @param {Uint8Array} bytes */
  #complain(bytes) {
    const text = this.#decoders.stderr.decode(bytes, { stream: true });
    this.#errors = (this.#errors + text).slice(-4000);
    this.#write(text, "stderr");
  }
}

/** Bytes in memory that is used again, unlike that of a string. */
class Bytes {
  #memory = new Uint8Array(0x8000);
  length = 0;

  get all() {
    return this.#memory.subarray(0, this.length);
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    const { length } = this;
    this.length += bytes.length;
    if (this.length > this.#memory.length) {
      const before = this.#memory;
      this.#memory = new Uint8Array(2 * this.length);
      this.#memory.set(before);
    }
    this.#memory.set(bytes, length);
  }

  clear() {
    this.length = 0;
  }
}
