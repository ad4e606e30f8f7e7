/** How what we made is recognised, so that nothing else is ever removed. */

/**
 * Protocol of our routes, rules and addresses (RTA_PROTOCOL, FRA_PROTOCOL, IFA_PROTO). None that other programs are
 * known to use: those that look after a whole protocol number, as FRR does, remove what they find under theirs.
 */
export const OWN_PROTOCOL = 157;

/** Alias of the devices that we made (IFLA_IFALIAS). */
export const OWN_ALIAS = 'waypost';

/**
 * Metric of the route that ends a VRF's table: what nothing better is known for is unreachable, rather than looked up
 * in the next table. Nearly the worst there is, as the kernel's VRF documentation proposes.
 */
export const UNREACHABLE_METRIC = 4_278_198_272;
