// BIRD 2, with the shortest waits that its configuration allows.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { which } from './which.mjs';

export const name = 'bird';
export const find = () => which('bird');

export const bfdProtocol = ({ intervalMs, multiplier }) =>
  `protocol bfd { interface "*" { interval ${intervalMs} ms; multiplier ${multiplier}; }; }`;

export function configure(place, { peers, announce = [], asn, peerAsn, install = false, bfd }) {
  const routes = [...announce];
  const at = (file) => join(place.folder, file);
  const writeRoutes = () =>
    writeFileSync(
      at('static.conf'),
      `protocol static { ipv4;\n${routes.map((p) => `route ${p} blackhole;`).join('\n')}\n}\n`,
    );
  const sessions = peers.map(
    (peer, i) => `protocol bgp p${i} {
  local ${place.local} as ${asn};
  neighbor ${peer} port ${place.port} as ${peerAsn};
  connect delay time 0; connect retry time 1; error wait time 1,2; hold time 90;${bfd ? ' bfd on;' : ''}
  ipv4 { import all; export all; next hop self; };
}`,
  );
  writeFileSync(
    at('bird.conf'),
    `log stderr { error, fatal, bug };
router id 10.99.0.1;
protocol device {}
${bfd ? bfdProtocol(bfd) : ''}
${install ? 'protocol kernel { ipv4 { import none; export all; }; }' : ''}
include "${at('static.conf')}";
${sessions.join('\n')}
`,
  );
  writeRoutes();
  const birdc = (...command) => place.run(['birdc', '-s', at('bird.ctl'), ...command]);
  return {
    start: () => [place.spawn([find(), '-f', '-c', at('bird.conf'), '-s', at('bird.ctl'), '-P', at('bird.pid')])],
    received: () => Number(/(\d+) of \d+ routes/.exec(birdc('show', 'route', 'count', 'protocol', 'p0'))?.[1] ?? 0),
    add: (prefix) => {
      routes.push(prefix);
      writeRoutes();
      birdc('configure');
    },
  };
}
