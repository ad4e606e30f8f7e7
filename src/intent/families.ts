/** Which address families a Service is to have: ipFamilies and ipFamilyPolicy as an allocator reads them. */
import type { Service } from '../config/model.ts';
import type { Address, Family } from '../lib/address.ts';

export interface Wanted {
  /** The only family, or the one that PreferDualStack falls back to first. */
  readonly primary: Family;
  readonly second: 'none' | 'preferred' | 'required';
  /** What the document says; the rest of this is defaults. */
  readonly given: readonly Family[];
}

/**
 * Two ipFamilies without a dual-stack policy require both, as the API server fills in the policy. Default: IPv4. A cluster
 * of one family gives a Service one cluster address under PreferDualStack too: nothing would answer for the other family.
 */
export function wantedFamilies(service: Pick<Service, 'ipFamilies' | 'ipFamilyPolicy' | 'clusterIps'>): Wanted {
  const { ipFamilies: given, ipFamilyPolicy: policy, clusterIps } = service;
  const second =
    policy === 'PreferDualStack'
      ? clusterIps.length === 1
        ? 'none'
        : 'preferred'
      : policy === 'RequireDualStack' || given.length > 1
        ? 'required'
        : 'none';
  return { primary: given[0] ?? 4, second, given };
}

/** Why `ips` are not what the Service wants, as text, or undefined. */
export function unsuitable(ips: readonly Address[], wanted: Wanted): string | undefined {
  const families = ips.map((ip) => ip.family);
  if (families.length > 2) return 'more than two addresses';
  if (families.length === 2 && families[0] === families[1]) return `two addresses of family IPv${families[0]}`;
  if (wanted.second === 'required' && families.length < 2) return 'the Service requires both families';
  if (wanted.second === 'none' && families.length > 1) return 'the Service is single-stack';
  // Without ipFamilies the default is only a choice among free addresses: it does not overrule one that is named.
  const [only] = families;
  if (families.length === 1 && wanted.given.length === 1 && wanted.second === 'none' && only !== wanted.primary)
    return `the Service wants IPv${wanted.primary}`;
  return undefined;
}
