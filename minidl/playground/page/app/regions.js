/** The regions of several classes, from pictures of their probabilities: which class wins where, and by how much. */

/**
 * @param {Uint8Array[]} chances the probability of each class, from 0 to 255
 * @returns {Uint16Array} 256 c + shade, where class c has the largest probability. The shade is 255 if that is 1, and 0
 * if all classes are equally probable.
 */
export function regions(chances) {
  const least = 255 / chances.length;
  return Uint16Array.from(chances[0], (_, at) => {
    let winner = 0;
    for (let label = 1; label < chances.length; label++) {
      if (chances[label][at] > chances[winner][at]) winner = label;
    }
    const share = (chances[winner][at] - least) / (255 - least);
    return 256 * winner + Math.round(255 * Math.max(0, share));
  });
}

/**
 * The probability of a class minus the largest of the others. It is 0 on the border of the region of the class.
 * @param {Uint8Array[]} chances
 * @param {number} label
 * @returns {Int16Array}
 */
export function lead(chances, label) {
  const others = chances.filter((_, other) => other !== label);
  return Int16Array.from(chances[label], (chance, at) => {
    let largest = 0;
    for (const other of others) if (other[at] > largest) largest = other[at];
    return chance - largest;
  });
}
