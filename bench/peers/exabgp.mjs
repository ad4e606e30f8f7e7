// ExaBGP: a process of its own feeds it from a pipe. It keeps no table of what it receives.
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { which } from './which.mjs';

export const name = 'exabgp';
export const find = () => which('exabgp') && which('mkfifo') && which('exabgp');
export const without = { receive: 'it keeps no table' };

export function configure(place, { peers, announce = [], asn, peerAsn }) {
  const at = (file) => join(place.folder, file);
  rmSync(at('exabgp.pipe'), { force: true });
  execFileSync('mkfifo', [at('exabgp.pipe')]);
  writeFileSync(at('exabgp.sh'), `#!/bin/sh\nexec 3<>${at('exabgp.pipe')}\nexec cat <&3\n`);
  chmodSync(at('exabgp.sh'), 0o755);
  const routes = announce.map((p) => `route ${p} next-hop self;`).join('\n');
  writeFileSync(
    at('exabgp.conf'),
    `process tx { run ${at('exabgp.sh')}; encoder json; }
${announce.length > 0 ? `template { neighbor T { static {\n${routes}\n} } }` : ''}
${peers
  .map(
    (
      p,
    ) => `neighbor ${p} { ${announce.length > 0 ? 'inherit T;' : ''} router-id 10.99.0.1; local-address ${place.local};
  local-as ${asn}; peer-as ${peerAsn}; connect ${place.port}; hold-time 90; family { ipv4 unicast; } api { processes [ tx ]; } }`,
  )
  .join('\n')}
`,
  );
  const env = {
    ...process.env,
    'exabgp.daemon.user': 'root',
    'exabgp.log.level': 'ERR',
    'exabgp.api.cli': 'false',
    'exabgp.api.ack': 'false',
    'exabgp.tcp.once': 'false',
    'exabgp.daemon.drop': 'false',
    'exabgp.cache.nexthops': 'true',
    'exabgp.cache.attributes': 'true',
  };
  return {
    start: () => [place.spawn([find(), at('exabgp.conf')], { env })],
    received: () => 0,
    add: (prefix) => appendFileSync(at('exabgp.pipe'), `announce route ${prefix} next-hop self\n`),
  };
}
