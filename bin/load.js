'use strict';
// Loads the program from dist/bundle, and with each of its files what V8 had made of it when the bundle was built
// (FILE.cache): of the time from exec to the first session, to compile it once more would be a quarter. V8 takes only
// what its very version made. Where that is another, Node's own cache is the second choice: it exists from 22.8 on, does
// not help the first start, and wants a folder to write to.
const { closeSync, fstatSync, openSync, readFileSync, readSync } = require('node:fs');
const node = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** What must be the same for a cache to be of use; MADE_FOR beside the caches says what it was. */
exports.version = `${process.version} ${process.arch}`;
exports.MADE_FOR = 'caches.txt';

/** The exports of a file of the bundle. */
exports.load = (folder, name) => {
  const madeFor = ifThere(() => readFileSync(join(folder, exports.MADE_FOR), 'latin1'));
  if (madeFor === exports.version) return exports.loader(folder, cacheOf)(name);
  node.enableCompileCache?.();
  return node.createRequire(join(folder, name))(`./${name}`);
};

const BEFORE = '(function (exports, require, module, __filename, __dirname) {';
const AFTER = '\n})';

/**
 * @param cacheOf the cache of a file, if there is one
 * @param took told of each file once it is compiled
 */
exports.loader = (folder, cacheOf, took) => {
  const outside = node.createRequire(join(folder, 'main.cjs'));
  const loaded = new Map();
  const load = (name) => {
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const filename = join(folder, name);
    const source = sourceOf(filename);
    const script = new Script(source, { filename, cachedData: cacheOf(filename) });
    took?.(filename, script);
    const module = { exports: {} };
    loaded.set(name, module);
    const require = (id) => (id.startsWith('./') ? load(id.slice(2)) : outside(id));
    script.runInThisContext()(module.exports, require, module, filename, folder);
    return module.exports;
  };
  return load;
};

/** As a function. Octets are characters: the bundle is ASCII, and to decode it as anything more would take several times as long. */
function sourceOf(filename) {
  const end = read(filename, BEFORE.length, AFTER.length);
  room.latin1Write(BEFORE, 0);
  room.latin1Write(AFTER, end);
  return room.latin1Slice(0, end + AFTER.length);
}

/** To be used before anything else is read. */
const cacheOf = (filename) => ifThere(() => room.subarray(0, read(`${filename}.cache`)));

/** Where every file is read to: memory that was touched before, since the kernel's first look for a page takes longer than to fill it. */
let room = Buffer.alloc(0);
const ROOM = 1 << 20;

/** Reads a file to this place in `room`, which has `behind` octets more behind it. @returns where it ends */
function read(filename, at = 0, behind = 0) {
  const fd = openSync(filename);
  try {
    const { size } = fstatSync(fd);
    if (room.length === 0) setImmediate(() => (room = Buffer.alloc(0)));
    if (room.length < at + size + behind) room = Buffer.allocUnsafeSlow(Math.max(ROOM, at + size + behind));
    return at + readSync(fd, room, at, size, null);
  } finally {
    closeSync(fd);
  }
}

function ifThere(read) {
  try {
    return read();
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}
