/**
 * Frames from the bytes of their JSON; what they hold is described in session.py.
 *
 * Their pictures, which are most of them, become numbers without becoming text. Browsers collect text so seldom that
 * the memory of hundreds of frames would add up.
 */

const LAST = '"pixels":"';
const TAIL = '"}';

/** The number of six bits that a letter of base64 stands for, by the letter's code. */
const SIX_BITS = new Uint8Array(128);
[..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].forEach((letter, bits) => {
  SIX_BITS[letter.charCodeAt(0)] = bits;
});

/**
 * @param {Uint8Array} bytes ASCII
 * @param {Uint8Array} [pixels] used again if it has the right size
 * @returns {any} the frame; its pixels are a Uint8Array
 */
export function read(bytes, pixels) {
  const end = bytes.length - TAIL.length;
  const start = bytes.lastIndexOf(TAIL.charCodeAt(0), end - 1) + 1;
  const pictures = ascii(bytes.subarray(Math.max(0, start - LAST.length), start)) === LAST;
  const frame = JSON.parse(ascii(bytes.subarray(0, pictures ? start : bytes.length)) + (pictures ? TAIL : ""));
  if (pictures) frame.pixels = decode(bytes.subarray(start, end), pixels);
  return frame;
}

/** @param {Uint8Array} bytes */
function ascii(bytes) {
  let text = "";
  // What TextDecoder returns stays in memory for longer, and `...` would make an object of each byte.
  for (let at = 0; at < bytes.length; at += 4096)
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 4096));
  return text;
}

/**
 * Bytes from base64.
 * @param {Uint8Array} text
 * @param {Uint8Array} [into] used again if it has the right size
 */
function decode(text, into) {
  let { length } = text;
  while (text[length - 1] === 61) length--; // "="
  const size = Math.floor((3 * length) / 4);
  const result = into?.length === size ? into : new Uint8Array(size);
  for (let from = 0, to = 0; to < size; from += 4, to += 3) {
    const bits =
      (SIX_BITS[text[from]] << 18) |
      (SIX_BITS[text[from + 1]] << 12) |
      (SIX_BITS[text[from + 2]] << 6) |
      SIX_BITS[text[from + 3]];
    result[to] = bits >> 16;
    result[to + 1] = bits >> 8; // behind the end, nothing is written
    result[to + 2] = bits;
  }
  return result;
}
