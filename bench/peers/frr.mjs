// FRR: zebra and bgpd, with the connect timer at its least. They give up root for a user of their own, who needs the
// folders.
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../place.mjs';
import { which } from './which.mjs';

export const name = 'frr';
const folders = ['/usr/lib/frr', '/usr/libexec/frr', '/usr/sbin'];
export const find = () =>
  folders
    .map((f) => `${f}/bgpd`)
    .find((f) => existsSync(f) && existsSync(f.replace('bgpd', 'zebra')) && which('vtysh'));

export function configure(place, { peers, announce = [], asn, peerAsn, install = false, bfd }) {
  const folder = join(place.folder, 'frr');
  const vty = join(folder, 'vty');
  mkdirSync(vty, { recursive: true });
  for (const f of [place.folder, folder, vty]) chmodSync(f, 0o777);
  const at = (file) => join(folder, file);
  writeFileSync(at('zebra.conf'), 'hostname z\n');
  writeFileSync(
    at('bgpd.conf'),
    `hostname b
router bgp ${asn}
 bgp router-id 10.99.0.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 timers bgp 30 90
${peers.map((p) => ` neighbor ${p} remote-as ${peerAsn}\n neighbor ${p} port ${place.port}\n neighbor ${p} timers connect 1${bfd ? `\n neighbor ${p} bfd profile bench` : ''}`).join('\n')}
 address-family ipv4 unicast
${peers.map((p) => `  neighbor ${p} activate`).join('\n')}
${announce.map((p) => `  network ${p}`).join('\n')}
 exit-address-family
`,
  );
  if (bfd)
    writeFileSync(
      at('bfdd.conf'),
      `bfd
 profile bench
  receive-interval ${bfd.intervalMs}
  transmit-interval ${bfd.intervalMs}
  detect-multiplier ${bfd.multiplier}
 exit
exit
`,
    );
  const common = ['--vty_socket', vty, '-z', at('zebra.sock'), '-P', '0'];
  const vtysh = (...commands) => place.run(['vtysh', '--vty_socket', vty, ...commands.flatMap((c) => ['-c', c])]);
  return {
    start: async () => {
      const bgpd = find();
      const zebra = place.spawn([
        bgpd.replace('bgpd', 'zebra'),
        ...['-f', at('zebra.conf'), '-i', at('zebra.pid'), ...common],
      ]);
      for (let i = 0; i < 5000 && !existsSync(at('zebra.sock')); i++) await sleep(1);
      const bfdd = ['-f', at('bfdd.conf'), '-i', at('bfdd.pid'), '--bfdctl', at('bfdd.sock'), ...common];
      return [
        zebra,
        ...(bfd ? [place.spawn([bgpd.replace('bgpd', 'bfdd'), ...bfdd])] : []),
        place.spawn([
          bgpd,
          '-f',
          at('bgpd.conf'),
          '-i',
          at('bgpd.pid'),
          '-p',
          '0',
          ...(install ? [] : ['-n']),
          ...common,
        ]),
      ];
    },
    received: () => {
      const text = vtysh('show bgp ipv4 unicast summary json');
      return text.startsWith('{') ? (JSON.parse(text).peers?.[peers[0]]?.pfxRcd ?? 0) : 0;
    },
    add: (prefix) => vtysh('conf t', `router bgp ${asn}`, 'address-family ipv4 unicast', `network ${prefix}`),
  };
}
