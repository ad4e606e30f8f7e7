/** What OpenPERouter's Underlay has of the fabric: known, and none of a host's business. */
import { z } from 'zod';
import { anything, int } from '../schema.ts';

/** Of all generations. */
export const neighborSchema = () =>
  z.object({
    asn: int(1, 0xffff_ffff).optional(),
    type: anything(),
    address: anything(),
    interface: anything(),
    listenRange: anything(),
    port: anything(),
    hostasn: anything(),
    password: anything(),
    passwordSecret: anything(),
    holdTime: anything(),
    keepaliveTime: anything(),
    connectTime: anything(),
    holdTimeSeconds: anything(),
    keepaliveTimeSeconds: anything(),
    connectTimeSeconds: anything(),
    ebgpMultiHop: anything(),
    properties: anything(),
    bfd: anything(),
    addressFamilies: anything(),
  });

/** Of all generations too: where they stand tells them apart, and here nothing follows from them. */
export const underlayFields = () => ({
  vtepcidr: anything(),
  routeridcidr: anything(),
  routerIDCIDR: anything(),
  nics: anything(),
  evpn: anything(),
  interfaces: anything(),
  tunnelEndpoint: anything(),
  gracefulRestart: anything(),
  isis: anything(),
  srv6: anything(),
  routeReflector: anything(),
});
