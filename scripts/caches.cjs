'use strict';
// Uses the bundle as it will be used (a daemon that gets its sessions up, every command asked for its options), and
// writes down what V8 made of each file: functions that were never called are no part of it. See bin/load.js.
const { writeFileSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { loader, MADE_FOR, version } = require('../bin/load.js');

const folder = resolve(process.argv[2]);
const scripts = new Map();
const load = loader(
  folder,
  () => undefined,
  (filename, script) => scripts.set(filename, script),
);

async function use() {
  process.stdout.setMaxListeners(0); // one for each command
  process.stderr.setMaxListeners(0);
  const { main } = load('main.cjs');
  const { commands } = await import('../dist/cli/commands.js');
  for (const name of Object.keys(commands)) await main([name, '--help']);
  const status = await main(['demo']);
  if (status !== 0) throw new Error(`the demo ended with status ${status}`);
}

use().then(() => {
  for (const [filename, script] of scripts) writeFileSync(`${filename}.cache`, script.createCachedData());
  writeFileSync(join(folder, MADE_FOR), version);
});
