// waypost itself, in the shape of the other daemons: `run` with documents in a folder.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const name = 'waypost';
export const program = fileURLToPath(new URL('../../bin/waypost', import.meta.url));
export const find = () => program;

const object = (apiVersion, kind, of, more) => ({ apiVersion, kind, metadata: { name: of }, ...more });

/** The documents of a node with these peers, and all pools and advertisements that the benchmarks need. */
export const nodeDocuments = ({ local, peers, port, asn, peerAsn, hold, folder, install, bfd }) => [
  object('waypost.dev/v1', 'Speaker', 'bench', { spec: { routerID: '10.99.0.1', stateDir: folder } }),
  object('metallb.io/v1beta1', 'IPAddressPool', 'nets', { spec: { addresses: ['20.0.0.0/7'], autoAssign: false } }),
  object('metallb.io/v1beta1', 'IPAddressPool', 'hosts', { spec: { addresses: ['30.0.0.0/8'], autoAssign: false } }),
  object('metallb.io/v1beta1', 'BGPAdvertisement', 'nets', {
    spec: { ipAddressPools: ['nets'], aggregationLength: 24 },
  }),
  object('metallb.io/v1beta1', 'BGPAdvertisement', 'hosts', { spec: { ipAddressPools: ['hosts'] } }),
  ...(bfd
    ? [
        object('metallb.io/v1beta1', 'BFDProfile', 'bench', {
          spec: {
            transmitInterval: bfd.intervalMs,
            receiveInterval: bfd.intervalMs,
            detectMultiplier: bfd.multiplier,
          },
        }),
      ]
    : []),
  ...(install
    ? [
        object('frrk8s.metallb.io/v1beta1', 'FRRConfiguration', 'receive', {
          spec: {
            bgp: {
              routers: [
                {
                  asn,
                  neighbors: peers.map((address) => ({
                    ...{ address, asn: peerAsn, port, ...(local && { sourceaddress: local }) },
                    ...{ holdTime: '90s', keepaliveTime: '30s', toReceive: { allowed: { mode: 'all' } } },
                  })),
                },
              ],
            },
          },
        }),
      ]
    : []),
  ...peers.map((peerAddress, i) =>
    object('metallb.io/v1beta2', 'BGPPeer', `p${i}`, {
      spec: {
        myASN: asn,
        peerASN: peerAsn,
        peerAddress,
        peerPort: port,
        ...(local && { sourceAddress: local }),
        holdTime: `${hold ?? 90}s`,
        ...(install && { keepaliveTime: '30s' }),
        ...(bfd && { connectTime: '1s', bfdProfile: 'bench' }),
      },
    }),
  ),
];

/** A Service that has its address already: the n-th /24 of 20.0.0.0/7, or a host of 30.0.0.0/8. */
export const serviceDocument = (serviceName, ip) =>
  object('v1', 'Service', serviceName, {
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    status: { loadBalancer: { ingress: [{ ip }] } },
  });

/** One file takes the place of another as a whole, as editors and tools do it. */
export function writeDocuments(folder, file, documents) {
  const path = join(folder, file);
  writeFileSync(`${path}.new`, `${documents.map((d) => JSON.stringify(d)).join('\n---\n')}\n`);
  renameSync(`${path}.new`, path);
}

/** GET on the control socket. */
export const ask = (socketPath, path) =>
  new Promise((resolve, reject) => {
    const req = request({ socketPath, path }, (res) => {
      const pieces = [];
      res.on('data', (piece) => pieces.push(piece));
      res.on('end', () => resolve(JSON.parse(Buffer.concat(pieces).toString())));
    });
    req.on('error', reject);
    req.end();
  });

export function configure(place, { peers, announce = [], ...rest }) {
  const folder = join(place.folder, 'waypost');
  mkdirSync(folder, { recursive: true });
  const settings = { local: place.local, peers, port: place.port, folder: place.folder, ...rest };
  writeDocuments(folder, '0-node.yaml', nodeDocuments(settings));
  const services = announce.map((prefix, i) => serviceDocument(`s${i}`, prefix.replace(/0\/24$/, '1')));
  if (services.length > 0) writeDocuments(folder, '1-services.yaml', services);
  const control = join(place.folder, 'control.sock');
  let added = 0;
  return {
    start: (nodeOptions = [], spawnOptions = {}) => [
      place.spawn(
        [
          process.execPath,
          ...nodeOptions,
          ...[
            program,
            'run',
            '-c',
            folder,
            '--node',
            'bench',
            '--control',
            control,
            '--http',
            'off',
            '--log-level',
            'error',
          ],
        ],
        spawnOptions,
      ),
    ],
    folder,
    control,
    received: async () => (await ask(control, '/show/peers?peer=p0'))[0]?.prefixes.received ?? 0,
    add: (prefix) =>
      writeDocuments(folder, `2-${added}.yaml`, [
        serviceDocument(`added${added++}`, prefix.replace(/0\/24$/, '1').replace(/\/32$/, '')),
      ]),
  };
}
