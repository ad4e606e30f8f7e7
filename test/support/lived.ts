/** A node that somebody has set up: what policies change, add to and take away, and give back. */
import { Namespace } from './netns.ts';
import { waitFor } from './process.ts';

/** Two links of a pair, addresses of both families on eth0, a route and a rule. Every link has its link-local address. */
export async function livedIn(name: string): Promise<Namespace> {
  const node = await Namespace.create(name);
  await node.run(['ip', '-batch', '-'], {
    input: `link add eth0 type veth peer name eth1
link set eth0 up
link set eth1 up
addr add 192.0.2.2/24 dev eth0
addr add 2001:db8::2/64 dev eth0
route add 203.0.113.0/24 via 192.0.2.1
rule add to 10.99.0.0/16 lookup 9 pref 900
`,
  });
  await waitFor('link-local addresses', async () => (await node.run(['ip', 'addr'])).split('inet6 fe80').length === 3);
  return node;
}
