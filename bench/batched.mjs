// What the kernel alone takes for routes: messages that are ready, 64 a send, answers read after each. A process of its
// own, started in the namespace: `node batched.mjs COUNT GATEWAY DEVICE`. Prints milliseconds to add and to delete.
import { RequestSocket } from '../dist/io/netlink.js';
import { prefix } from '../dist/lib/prefix.js';
import { RouteBatch, routeTemplate } from '../dist/netlink/batch.js';
import { Client } from '../dist/netlink/client.js';
import { prefixes } from './data.mjs';

const MESSAGES = 64;
const [count, gateway, device] = process.argv.slice(2);
const table = prefixes(Number(count));
const socket = new RequestSocket();
const link = new Client(socket).get('link', { name: device }).index;
const shape = { table: 254, protocol: 186, priority: 20 };
const hops = [{ gateway: { family: 4, bytes: prefix(`${gateway}/32`).bytes }, link }];

function timed(template) {
  const ready = [];
  let before;
  for (let id = 0; id < table.size; id += MESSAGES) {
    const batch = new RouteBatch(MESSAGES, MESSAGES * template.length);
    batch.clear(before);
    for (let i = id; i < Math.min(id + MESSAGES, table.size); i++) batch.push(template, table, i, 0);
    batch.finish();
    ready.push(batch);
    before = batch;
  }
  let failures = 0;
  const start = performance.now();
  for (const batch of ready) {
    socket.send(batch.finish());
    batch.collect(socket);
    batch.end();
    failures += batch.failures.size;
  }
  const ms = performance.now() - start;
  if (failures > 0) throw new Error(`${failures} routes were refused`);
  return ms;
}

const addMs = timed(routeTemplate('add', 4, { ...shape, hops }));
const deleteMs = timed(routeTemplate('delete', 4, { ...shape, hops: [] }));
console.log(JSON.stringify({ addMs, deleteMs }));
socket.close();
