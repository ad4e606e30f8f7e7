// GoBGP. Its routes come over its API only, so it takes part where none are announced from the configuration.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { which } from './which.mjs';

export const name = 'gobgp';
export const find = () => which('gobgpd') && which('gobgp') && which('gobgpd');
export const without = { announce: 'its configuration holds no routes' };

export function configure(place, { peers, asn, peerAsn }) {
  const file = join(place.folder, 'gobgpd.toml');
  const neighbors = peers.map(
    (p) => `[[neighbors]]
[neighbors.config]
neighbor-address = "${p}"
peer-as = ${peerAsn}
[neighbors.transport.config]
remote-port = ${place.port}
[neighbors.timers.config]
connect-retry = 1
hold-time = 90
idle-hold-time-after-reset = 1
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv4-unicast"
`,
  );
  const global = `[global.config]\nas = ${asn}\nrouter-id = "10.99.0.1"\nport = -1\n`;
  writeFileSync(file, `${global}${neighbors.join('')}`);
  const api = ['--api-hosts', '127.0.0.1:50051'];
  return {
    start: () => [place.spawn([find(), '-f', file, ...api, '-l', 'error', '--log-plain', '--pprof-disable'])],
    received: () => {
      const text = place.run(['gobgp', 'neighbor', peers[0], '-j']);
      return text.startsWith('{') ? Number(JSON.parse(text).afi_safis?.[0]?.state?.accepted ?? 0) : 0;
    },
    add: (prefix) => place.run(['gobgp', 'global', 'rib', 'add', prefix]),
  };
}
