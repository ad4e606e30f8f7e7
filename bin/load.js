'use strict';
// Loads the program from dist/bundle, and with each of its files what V8 had made of it when the bundle was built
// (FILE.cache): of the time from exec to the first session, to compile it once more would be a quarter. V8 takes only
// what its very version made. Where that is another, Node's own cache is the second choice: it exists from 22.8 on, does
// not help the first start, and wants a folder to write to.
const { readFileSync } = require('node:fs');
const node = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** What must be the same for a cache to be of use; MADE_FOR beside the caches says what it was. */
exports.version = `${process.version} ${process.arch}`;
exports.MADE_FOR = 'caches.txt';

/** The exports of a file of the bundle. */
exports.load = (folder, name) => {
  if (textOf(join(folder, exports.MADE_FOR)) === exports.version) return exports.loader(folder, cacheOf)(name);
  node.enableCompileCache?.();
  return node.createRequire(join(folder, name))(`./${name}`);
};

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
    const parameters = 'exports, require, module, __filename, __dirname';
    const source = `(function (${parameters}) {${textOf(filename)}\n})`;
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

const cacheOf = (filename) => ifThere(() => readFileSync(`${filename}.cache`));

/** Octets are characters: the bundle is ASCII, and to decode it as anything more would take several times as long. */
const textOf = (filename) => ifThere(() => readFileSync(filename, 'latin1'));

function ifThere(read) {
  try {
    return read();
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}
