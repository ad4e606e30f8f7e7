/**
 * Documents of all files to one configuration. What a document says by itself was read when it was loaded; here are
 * the rules between documents. One error, and there is no configuration: the last good one stays.
 */
import { ServiceCommunities } from './allow.ts';
import { resolveAdvertisement, resolveLayer2 } from './check/advertisement.ts';
import { resolveBfd } from './check/bfd.ts';
import { checkCarriers } from './check/carriers.ts';
import { checkAllowed, collectAliases } from './check/communities.ts';
import { electHosts, withEgressLabels } from './check/egress.ts';
import { checkExclusion } from './check/exclusion.ts';
import { applyExtras } from './check/extras.ts';
import { checkOverlays, joinFabric } from './check/fabric.ts';
import { mergeFrr } from './check/frr.ts';
import { checkHosts } from './check/hosts.ts';
import { resolveMembers } from './check/membership.ts';
import { checkNetwork } from './check/network.ts';
import { chooseSpeaker, type Found, KnownNodes, type NodeOptions } from './check/nodes.ts';
import { checkOverlap } from './check/overlap.ts';
import { checkPeers } from './check/peers.ts';
import { checkPreferences } from './check/preference.ts';
import { resolvePeer } from './check/secrets.ts';
import { checkServices } from './check/services.ts';
import { checkSpread } from './check/spread.ts';
import { checkSymmetry } from './check/symmetry.ts';
import { checkUnderlays } from './check/underlay.ts';
import type { Document } from './document.ts';
import { sortDiagnostics } from './format.ts';
import { defaultExcluded } from './kinds/exclude.ts';
import type { KubeOvn } from './kubeovn.ts';
import type { LoadedFile } from './load.ts';
import type { Configuration, Diagnostic, EndpointSlice } from './model.ts';
import { MANY, placeOf, Report } from './report.ts';
import { anySelects } from './selector.ts';
import { append, Sorter } from './sorter.ts';

export interface Assembled {
  /** Undefined when there is an error among the diagnostics. */
  readonly configuration: Configuration | undefined;
  /** By file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
}

/** What the documents of files come to, in the order of the files. */
export const assemble = (files: Iterable<LoadedFile>, options: NodeOptions): Assembled =>
  assembleSorted(new Sorter().sort([...files]), options);

/** Never throws: a mistake of ours is no reason to end sessions, and the last good configuration stays. */
export function assembleSorted(sorter: Sorter, options: NodeOptions): Assembled {
  try {
    return putTogether(sorter, options);
  } catch (error) {
    const position = { file: sorter.files[0]?.file ?? '', line: 1, column: 1 };
    const message = `documents cannot be put together, by a mistake of waypost: ${(error as Error).message}`;
    return { configuration: undefined, diagnostics: [{ severity: 'error', position, subject: '', path: '', message }] };
  }
}

function putTogether(sorter: Sorter, options: NodeOptions): Assembled {
  const report = new Report();
  let unread = false;
  for (const file of sorter.files) {
    for (const diagnostic of file.diagnostics) {
      report.take(diagnostic);
      if (diagnostic.severity === 'error') unread = true;
    }
    for (const stray of file.strays) for (const problem of stray.problems) report.add(stray, problem);
  }
  // A copy of a file of thousands is one mistake.
  const [next, ...more] = sorter.doubles.slice(MANY);
  if (next !== undefined) {
    const message = `duplicate definition, as of ${more.length} documents more`;
    report.error(next.document, ['metadata', 'name'], message);
  }
  for (const { document, first } of sorter.doubles.slice(0, MANY)) {
    const where = placeOf(first, ['metadata', 'name']);
    const message = `duplicate definition of ${document.meta.kind} ${fullName(document)}, first at ${where}`;
    report.error(document, ['metadata', 'name'], message);
  }

  if (unread) report.failed = true;

  const services = sorter.servicesById;
  const slices = slicesByService(sorter.of('endpointSlice'));
  const namespaces = new Map(sorter.of('namespace').map(({ value }) => [value.name, value]));
  const bareNodes = new Map(sorter.of('node').map(({ value }) => [value.name, value]));
  const all = sorter.documentsOf('Speaker').length;
  const bareSpeaker = chooseSpeaker(sorter.of('speaker'), bareNodes, options, report, all);
  const ground = {
    speaker: bareSpeaker,
    nodes: bareNodes,
    services,
    slices,
    complete: !unread,
    hearing: options.hearing,
  };
  const egress = electHosts(sorter.of('egress'), ground, report);
  const { speaker, nodes } = withEgressLabels(egress, bareSpeaker, bareNodes);
  const known = new KnownNodes(speaker, nodes);
  // Once our own Speaker is read, those of other nodes are theirs.
  const isTheirs = ({ meta }: Document) =>
    meta.kind === 'Speaker' && speaker.position !== undefined && meta.name !== speaker.name;
  for (const document of sorter.troubled) {
    const own = document.nodes === undefined ? !isTheirs(document) : anySelects(document.nodes, known.own.labels);
    for (const problem of document.problems) report.judge(own, document, problem);
  }
  const pools = sorter.of('pool');
  const secrets = { complete: !unread, found: sorter.of('secret'), documents: sorter.documentsOf('Secret') };
  const profiles = { complete: !unread, found: sorter.of('bfdProfile'), names: sorter.namesOf('BFDProfile') };
  const members = resolveMembers(speaker, { speakers: sorter.of('speaker'), nodes, profiles }, report);
  const bgpPeers = sorter.of('peer').map((found) => {
    const { document } = found;
    const value = resolvePeer(found, secrets, known, report);
    return { document, value: resolveBfd({ document, value }, profiles, known, report) };
  });
  const overlays = sorter.of('overlay');
  checkOverlays(overlays, sorter.of('fabric'), known, report);
  const fabric = joinFabric(overlays, bgpPeers, known, report);
  const peers = [...bgpPeers, ...fabric.peers];
  checkPeers(peers, known, speaker, report);
  const { peers: merged, imports } = mergeFrr(sorter.of('frr'), peers, { secrets, profiles, nodes: known, report });
  const aliases = collectAliases(sorter.of('community'), report);
  const references = {
    complete: !unread,
    aliases,
    pools,
    poolNames: sorter.namesOf('IPAddressPool'),
    peerNames: new Set([...sorter.namesOf('BGPPeer'), ...merged.map(({ name }) => name), ...fabric.names.keys()]),
    sessions: fabric.names,
    node: known.own,
  };
  const advertisements = sorter.of('advertisement').map((found) => ({
    document: found.document,
    value: resolveAdvertisement(found, references, report),
  }));
  const layer2 = sorter.of('layer2').map((found) => ({
    document: found.document,
    value: resolveLayer2(found, references, report),
  }));
  checkOverlap(pools, report);
  checkHosts(pools, nodes, merged, report);
  if (advertisements.length + layer2.length > 0) checkExclusion(sorter.of('node'), speaker, report);
  if (layer2.length > 0) checkSpread(sorter.of('speaker'), speaker, nodes, report);
  checkPreferences(pools, advertisements, known, report);
  checkNetwork(sorter.of('network'), known, report);
  const sessions = applyExtras(sorter.of('extras')[0], merged, !unread, report);
  checkAllowed(sorter.of('speaker'), speaker, aliases, report);
  const allowed = new ServiceCommunities(speaker.serviceCommunities, aliases);
  checkServices(sorter.services, pools, references, speaker.loadBalancerClass, allowed, report);

  const ways = {
    nodes: known,
    advertisements,
    loadBalancerClass: speaker.loadBalancerClass,
    pools: pools.map(({ value }) => value),
    namespaces,
    services,
    slices,
    egress,
  };
  checkCarriers(ways, report);
  checkSymmetry(
    {
      ...ways,
      peers: sessions,
      policies: sorter.of('network'),
      serviceDocuments: sorter.services,
      egressDocuments: sorter.of('egress'),
    },
    report,
  );
  const kubeOvn = kubeOvnOf(sorter);
  checkUnderlays(
    {
      kubeOvn,
      subnets: sorter.of('subnet'),
      pools,
      layer2,
      services: sorter.services,
      namespaces,
      node: known.own,
      loadBalancerClass: speaker.loadBalancerClass,
    },
    report,
  );

  const diagnostics = sortDiagnostics(report.all);
  if (report.failed) return { configuration: undefined, diagnostics };
  const configuration: Configuration = {
    speaker,
    members,
    pools: new Map(pools.map(({ value }) => [value.name, value])),
    advertisements: advertisements.map(({ value }) => value),
    layer2Advertisements: layer2.map(({ value }) => value),
    excludedInterfaces: sorter.of('excluded')[0]?.value.patterns ?? defaultExcluded,
    peers: sessions,
    imports,
    networkPolicies: sorter.of('network').map(({ value }) => value),
    aliases,
    services,
    endpointSlices: slices,
    nodes,
    namespaces,
    egress,
    kubeOvn,
    documents: sorter.metas,
  };
  return { configuration, diagnostics };
}

const kubeOvnOf = (sorter: Sorter): KubeOvn => ({
  subnets: sorter.of('subnet').map(({ value }) => value),
  vlans: new Map(sorter.of('vlan').map(({ value }) => [value.name, value])),
  networks: new Map(sorter.of('providerNetwork').map(({ value }) => [value.name, value])),
});

const fullName = ({ meta }: Document): string => (meta.namespace === '' ? meta.name : `${meta.namespace}/${meta.name}`);

function slicesByService(slices: readonly Found<EndpointSlice>[]): Map<string, EndpointSlice[]> {
  const map = new Map<string, EndpointSlice[]>();
  for (const { value } of slices)
    if (value.serviceName !== '') append(map, `${value.namespace}/${value.serviceName}`, value);
  return map;
}
