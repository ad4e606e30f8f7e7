// Loaded into the program with --require: what it has loaded when it dials for the first time, into LOADED_FILE.
'use strict';
const { writeFileSync } = require('node:fs');
const { Socket } = require('node:net');
const { basename } = require('node:path');
const vm = require('node:vm');

const before = new Set(process.moduleLoadList);
const files = [];
const compiled = [];

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    files.push(basename(options.filename));
    if (options.cachedData === undefined || this.cachedDataRejected) compiled.push(basename(options.filename));
  }
};

const { connect } = Socket.prototype;
Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  if (options.port !== undefined && process.env.LOADED_FILE !== undefined) {
    const builtins = process.moduleLoadList.filter((name) => !before.has(name));
    writeFileSync(process.env.LOADED_FILE, JSON.stringify({ files, compiled, builtins }));
    delete process.env.LOADED_FILE;
  }
  return connect.apply(this, given);
};
