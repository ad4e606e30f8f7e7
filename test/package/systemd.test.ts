/** The unit, as systemd reads it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { run } from '../support/process.ts';

const unit = 'packaging/systemd/waypost.service';

test('its exposure is 3.0 at most', async () => {
  const text = await run(['systemd-analyze', 'security', '--offline=true', '--no-pager', unit]);
  const [, level] = /Overall exposure level for waypost\.service: ([\d.]+)/.exec(text)!;
  expect(Number(level)).toBeLessThanOrEqual(3);
});

test('no capability but those that the network takes', () => {
  const text = readFileSync(unit, 'utf8');
  for (const set of ['AmbientCapabilities', 'CapabilityBoundingSet'])
    expect(text).toMatch(new RegExp(`^${set}=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE$`, 'm'));
});

test('systemd understands each line', async () => {
  // The program is not installed here, which is all that may be wrong.
  const text = await run(['sh', '-c', `systemd-analyze verify --man=no ${unit} 2>&1 || true`]);
  const complaints = text
    .split('\n')
    .filter((line) => line.includes('waypost.service') && !line.includes('is not executable'));
  expect(complaints).toEqual([]);
});
