/** One neighbour of a router of an FRRConfiguration (frr-k8s internal/controller/api_to_config.go, neighborToFRR). */
import { type Address, isLinkLocal, parseAddress } from '../../lib/address.ts';
import type { Prefix } from '../../lib/prefix.ts';
import { isInternal } from '../asn.ts';
import { checkDeviceName, isDeviceName } from '../device.ts';
import { addressHint, readHost, readPeer } from '../host.ts';
import type { Meta, PeerAsn } from '../model.ts';
import { checkPassword } from '../password.ts';
import type { Findings, Path } from '../problem.ts';
import { durationMs, warnRounded, warnSilent } from '../timers.ts';
import { readAdvertise, readNextHops, readReceive } from './advertise.ts';
import type { NeighborDraft } from './draft.ts';
import type { RawNeighbor } from './schema.ts';

/** Both unicast families, or that of the address. */
export const familiesOf = ({
  address,
  dualStackAddressFamily,
}: Pick<NeighborDraft, 'address' | 'dualStackAddressFamily'>): readonly ('ipv4' | 'ipv6')[] =>
  dualStackAddressFamily || address === undefined ? ['ipv4', 'ipv6'] : [`ipv${address.family}`];

/** @param router its AS number, its prefixes, and whether it has some of other routers */
export function readNeighbor(
  raw: RawNeighbor,
  router: { readonly asn: number; readonly prefixes: readonly Prefix[]; readonly imports: boolean },
  document: Meta,
  path: Path,
  findings: Findings,
): NeighborDraft {
  const at = (field: keyof RawNeighbor) => [...path, field];
  const peerAsn = readAsns(raw, router.asn, path, findings);
  const ends = readEnds(raw, path, findings);
  if (raw.disableMP) findings.warn(at('disableMP'), 'deprecated: has no effect');
  if ((raw.port ?? 0) > 16_384)
    findings.warn(at('port'), `frr-k8s itself refuses ports above 16384, found ${raw.port}`);
  const evpn = raw.addressFamilies?.indexOf('evpn') ?? -1;
  if (evpn >= 0)
    findings.error([...at('addressFamilies'), evpn], 'EVPN is not implemented: sessions carry unicast only');
  findings.duplicates(at('addressFamilies'), raw.addressFamilies ?? [], 'address family');
  const given = {
    ...(raw.port && { port: raw.port }),
    ...(raw.ebgpMultiHop !== undefined && { ebgpMultiHop: raw.ebgpMultiHop }),
    ...(raw.dualStackAddressFamily !== undefined && { dualStackAddressFamily: raw.dualStackAddressFamily }),
    ...(raw.localASN !== undefined && raw.localASN !== router.asn && { localAsn: raw.localASN }),
    ...(raw.enableGracefulRestart !== undefined && { gracefulRestart: raw.enableGracefulRestart }),
    ...(raw.bfdProfile && { bfdProfile: raw.bfdProfile }),
  };
  const families = familiesOf({ ...ends, ...given });
  const toAdvertise = raw.toAdvertise ?? {};
  return {
    path,
    peerAsn,
    ...ends,
    ...given,
    ...readPassword(raw, document, path, findings),
    ...readTimers(raw, path, findings),
    receive: readReceive(raw.toReceive ?? {}, at('toReceive'), findings),
    ...(router.imports
      ? { advertise: [], toAdvertise }
      : { advertise: readAdvertise(toAdvertise, router.prefixes, families, document, at('toAdvertise'), findings) }),
    nextHops: readNextHops(toAdvertise.nextHop, families, [...at('toAdvertise'), 'nextHop'], findings),
  };
}

function readAsns(raw: RawNeighbor, own: number, path: Path, findings: Findings): PeerAsn {
  const { asn = 0, dynamicASN, localASN, ebgpMultiHop } = raw;
  if (asn === 0 && dynamicASN === undefined) findings.error([...path, 'asn'], 'neighbor has no asn or dynamicASN');
  if (asn !== 0 && dynamicASN !== undefined)
    findings.error([...path, 'dynamicASN'], 'neighbor has both asn and dynamicASN specified');
  const peerAsn = dynamicASN ?? asn;
  const internal = isInternal(own, peerAsn);
  if (ebgpMultiHop && internal) findings.warn([...path, 'ebgpMultiHop'], 'has no effect on an iBGP session');
  if (localASN === undefined) return peerAsn;
  if (internal) findings.error([...path, 'localASN'], 'localASN is not supported for iBGP sessions');
  else if (localASN === asn) findings.error([...path, 'localASN'], `localASN is the AS of the neighbor, ${localASN}`);
  else if (localASN === own) findings.warn([...path, 'localASN'], 'the same as the asn of the router: has no effect');
  return peerAsn;
}

type Ends = Pick<NeighborDraft, 'address' | 'interface' | 'sourceAddress' | 'sourceInterface'>;

function readEnds(raw: RawNeighbor, path: Path, findings: Findings): Ends {
  const { address: text, interface: link, sourceaddress: from } = raw;
  if (!text && !link) findings.error([...path, 'address'], 'neighbor has no address and no interface');
  if (text && link) findings.error([...path, 'interface'], 'neighbor has both address and interface specified');
  if (link) checkDeviceName(link, [...path, 'interface'], findings);
  const address = text ? readPeer(text, 'not an IP address:', 'interface', [...path, 'address'], findings) : undefined;
  return {
    ...(address && { address }),
    ...(link && { interface: link }),
    ...readSource(from, address, path, findings),
  };
}

function readSource(from: string | undefined, remote: Address | undefined, path: Path, findings: Findings): Ends {
  if (!from) return {};
  const at = [...path, 'sourceaddress'];
  if (parseAddress(from) === undefined) {
    const named = isDeviceName(from);
    if (!named)
      findings.error(at, `neither an IP address nor an interface: ${JSON.stringify(from)}`, addressHint(from));
    else if (remote === undefined) findings.error(at, 'an unnumbered session uses the addresses of its own interface');
    return { sourceInterface: from };
  }
  const source = readHost(from, 'invalid source IP', at, findings)!;
  if (remote && remote.family !== source.family)
    findings.error(at, `invalid source IP: the address of the neighbor is IPv${remote.family}`);
  if (remote === undefined && !isLinkLocal(source))
    findings.error(at, 'invalid source IP: an unnumbered session uses link-local addresses');
  return { sourceAddress: source };
}

function readPassword(
  { password, passwordSecret }: RawNeighbor,
  document: Meta,
  path: Path,
  findings: Findings,
): Pick<NeighborDraft, 'password' | 'secret'> {
  const { name: secret, namespace } = passwordSecret ?? {};
  if (password && secret)
    findings.error([...path, 'passwordSecret'], 'neighbor specifies both cleartext password and secret ref');
  if (!secret && namespace) findings.error([...path, 'passwordSecret'], 'the name of the Secret is missing');
  if (secret && namespace && namespace !== document.namespace)
    findings.error(
      [...path, 'passwordSecret', 'namespace'],
      `the Secret must be in the namespace of the FRRConfiguration, ${document.namespace}`,
    );
  checkPassword(password, [...path, 'password'], findings);
  return { ...(password && { password }), ...(secret && { secret }) };
}

type Timers = Pick<NeighborDraft, 'holdTimeSec' | 'keepaliveTimeSec' | 'connectTimeSec'>;

/** Both of hold time and keepalive time or none; counted in whole seconds (parseTimers). */
function readTimers(raw: RawNeighbor, path: Path, findings: Findings): Timers {
  const { holdTime, keepaliveTime, connectTime } = raw;
  const at = (field: keyof RawNeighbor) => [...path, field];
  if ((holdTime === undefined) !== (keepaliveTime === undefined))
    findings.error(
      at(holdTime === undefined ? 'keepaliveTime' : 'holdTime'),
      'one of KeepaliveTime/HoldTime specified, both must be set or none',
    );
  const hold = holdTime === undefined ? undefined : durationMs(holdTime, at('holdTime'), findings);
  const keepalive = keepaliveTime === undefined ? undefined : durationMs(keepaliveTime, at('keepaliveTime'), findings);
  const connect = connectTime === undefined ? undefined : durationMs(connectTime, at('connectTime'), findings);
  if (hold !== undefined && keepalive !== undefined) checkTimers(hold, keepalive, at, findings);
  const connectTimeSec = (connect ?? 1000) / 1000;
  if (!Number.isInteger(connectTimeSec) || connectTimeSec < 1 || connectTimeSec > 0xffff)
    findings.error(
      at('connectTime'),
      `invalid connect time ${JSON.stringify(connectTime)}`,
      'whole seconds, 1s to 65535s',
    );
  const holdTimeSec = Math.trunc((hold ?? 0) / 1000);
  // A third of the hold time where none is asked for.
  const keepaliveTimeSec = Math.trunc((keepalive ?? 0) / 1000) || Math.trunc(holdTimeSec / 3);
  return {
    ...(hold !== undefined && { holdTimeSec }),
    ...(keepalive !== undefined && { keepaliveTimeSec }),
    ...(connect !== undefined && { connectTimeSec }),
  };
}

function checkTimers(
  holdMs: number,
  keepaliveMs: number,
  at: (field: keyof RawNeighbor) => Path,
  findings: Findings,
): void {
  const [hold, keepalive] = [Math.trunc(holdMs / 1000), Math.trunc(keepaliveMs / 1000)];
  if (holdMs < 0 || (hold !== 0 && (hold < 3 || hold > 0xffff)))
    findings.error(at('holdTime'), `invalid hold time: ${hold} s`, '0s, or 3s to 65535s');
  else if (keepaliveMs > holdMs)
    findings.error(
      at('keepaliveTime'),
      'invalid keepaliveTime: it is more than the hold time',
      'a third of it is usual',
    );
  else if (keepalive < 1 && hold > 0) warnSilent(hold, at('keepaliveTime'), findings);
  if (hold === 0) warnRounded(holdMs, at('holdTime'), findings);
}
