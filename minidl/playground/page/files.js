/** The files that the interpreter sees: in memory, fetched when they are opened, or a console. */

import { Directory, Fd, File, PreopenDirectory, wasi } from "./runtime/wasi/index.js";

/** A file that is fetched at its first opening. The interpreter has to wait for it, so the request is synchronous. */
export class LazyFile extends File {
  /**
   * @param {URL} url
   * @param {number} bytes its size, known beforehand
   * @param {() => void} loading called before the request
   */
  constructor(url, bytes, loading) {
    super(new ArrayBuffer(0), { readonly: true });
    this.source = { url, bytes, loading };
  }

  get size() {
    return BigInt(this.source ? this.source.bytes : this.data.byteLength);
  }

  path_open(oflags, rights, flags) {
    if (this.source) {
      this.source.loading();
      const request = new XMLHttpRequest();
      request.open("GET", this.source.url, false);
      request.responseType = "arraybuffer";
      try {
        request.send();
      } catch {
        return { ret: wasi.ERRNO_IO, fd_obj: null }; // Python raises OSError
      }
      if (request.status !== 200) return { ret: wasi.ERRNO_IO, fd_obj: null };
      this.data = new Uint8Array(request.response);
      this.source = undefined;
    }
    return super.path_open(oflags, rights, flags);
  }
}

/** A folder of which Python may ask whether it can be written to. */
export class Folder extends PreopenDirectory {
  fd_fdstat_get() {
    const fdstat = new wasi.Fdstat(wasi.FILETYPE_DIRECTORY, 0);
    fdstat.fs_rights_base = fdstat.fs_rights_inherited = 0xffff_ffffn;
    return { ret: 0, fdstat };
  }
}

/** A stream that Python writes to, or an empty one that it reads. */
export class Console extends Fd {
  /** @param {(bytes: Uint8Array) => void} write */
  constructor(write) {
    super();
    this.write = write;
  }

  fd_fdstat_get() {
    const fdstat = new wasi.Fdstat(wasi.FILETYPE_CHARACTER_DEVICE, 0);
    fdstat.fs_rights_base = BigInt(wasi.RIGHTS_FD_WRITE | wasi.RIGHTS_FD_READ);
    return { ret: 0, fdstat };
  }

  fd_filestat_get() {
    return { ret: 0, filestat: new wasi.Filestat(0n, wasi.FILETYPE_CHARACTER_DEVICE, 0n) };
  }

  fd_read() {
    return { ret: 0, data: new Uint8Array(0) };
  }

  fd_write(data) {
    this.write(data);
    return { ret: 0, nwritten: data.byteLength };
  }
}

/**
 * The files of a tar archive as folders.
 * @param {ArrayBuffer} archive
 * @returns {Map<string, File | Directory>}
 */
export function untar(archive) {
  const root = new Map();
  const text = (at, length) => new TextDecoder().decode(new Uint8Array(archive, at, length)).split("\0")[0];
  for (let at = 0; at < archive.byteLength && text(at, 100); ) {
    const [name, size, prefix] = [text(at, 100), parseInt(text(at + 124, 12), 8), text(at + 345, 155)];
    const content = archive.slice(at + 512, at + 512 + size);
    place(root, prefix ? `${prefix}/${name}` : name, new File(content, { readonly: true }));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return root;
}

/** Put a file at a path, in folders that are made as needed. */
export function place(root, path, file) {
  const parts = path.split("/");
  const name = parts.pop();
  let folder = root;
  for (const part of parts) {
    if (!folder.has(part)) folder.set(part, new Directory(new Map()));
    folder = folder.get(part).contents;
  }
  folder.set(name, file);
}
