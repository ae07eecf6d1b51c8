// What the tests of both clients put, and how they take it apart.
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";

export const MIB = 1024 * 1024;

export const ODD_KEYS = [
  "with space",
  "plus+and&and=and%25",
  "a%2Fb",
  "Größe-日本語-🪨",
  "quote'and\"double",
  "(brackets)[too]{here}",
  "semi;colon,comma~tilde!*",
  "<tag>&amp;",
  "/leading",
  "trailing/",
  "two//slashes",
  "../up/./here",
  "q?x=1#f",
  "k".repeat(1024),
];

export function freshName() {
  return `js-${randomBytes(8).toString("hex")}`;
}

// Bytes that do not compress, the same for the same seed.
export function seededBytes(size, seed = "0") {
  const blocks = [];
  for (let n = 0; n * 64 < size; n++) {
    blocks.push(createHash("sha512").update(`${seed} ${n}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, size);
}

// A stream that does not know how much there is to come.
export function streamOf(bytes, piece = 100_000) {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece));
  return Readable.from(pieces, { objectMode: false });
}

export async function bytesOf(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
