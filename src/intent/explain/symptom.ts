/** Why a session is down, from what it said last: a word for it, and what an operator is to check. */

interface Symptom {
  /** In what a session says last. */
  readonly sign: RegExp;
  /** What is the case, in one sentence. */
  readonly says: string;
  /** What would have to change. */
  readonly remedy: string;
}

/** The first that fits counts. */
export const symptoms = {
  wrongPeerAs: {
    sign: /peer is in AS \d+/,
    says: "The peer is in another AS than this node's configuration says.",
    remedy: 'Correct peerASN of the BGPPeer, or the AS of the router.',
  },
  wrongOwnAs: {
    sign: /received OPEN Message Error\/Bad Peer AS/,
    says: 'The peer expects this node in another AS than it is in.',
    remedy: "Correct myASN of the BGPPeer, or the remote AS of this node in the router's configuration.",
  },
  passwordDiffers: {
    sign: /TCP-MD5 password the same/,
    says: 'The peer does not answer, as happens when only one side has a TCP-MD5 password or the two differ.',
    remedy: 'Make the password the same on both sides; then check the address, and that no firewall is in between.',
  },
  noAnswer: {
    sign: /no answer to the TCP connection attempt|no answer from the peer/,
    says: 'The peer does not answer at all: it has another address, a firewall is in between, or it wants a TCP-MD5 password.',
    remedy: 'Check the address, that TCP port 179 passes, and whether the router has a password for this node.',
  },
  refused: {
    sign: /connection refused/,
    says: 'The host is there, but no BGP speaker listens on the port, or a firewall rejects the connection.',
    remedy: 'Start the router, have it listen on its address, or correct peerPort.',
  },
  unreachable: {
    sign: /no route to the peer/,
    says: 'The peer cannot be reached: no route leads there, or no host on the link has the address.',
    remedy: 'Correct peerAddress or the routes of this node; a peer several hops away needs ebgpMultiHop.',
  },
  noSourceAddress: {
    sign: /source address is not on this host/,
    says: 'The source address of the session is not on this node.',
    remedy: 'Correct sourceAddress of the BGPPeer, or give the node the address.',
  },
  noInterface: {
    sign: /no such interface or VRF|there is no interface/,
    says: 'The interface or VRF of the peer does not exist on this node.',
    remedy: 'Create it, or correct interface or vrf of the BGPPeer.',
  },
  notPermitted: {
    sign: /not permitted/,
    says: 'The system does not let this process make such a connection.',
    remedy: 'Run it with the capabilities NET_ADMIN, NET_RAW and NET_BIND_SERVICE.',
  },
  notPeer: {
    sign: /without an OPEN|Connection Rejected/,
    says: 'The peer accepts the connection and closes it at once: it has no session configured with this address.',
    remedy:
      "Configure this node's address as a neighbour there, and check that the connection comes from that address.",
  },
  routerIdClash: {
    sign: /BGP identifier is|Bad BGP Identifier/,
    says: 'The router ID is not acceptable: both sides have the same, or it is zero.',
    remedy: 'Give each side a router ID of its own: routerID in the BGPPeer or the Speaker.',
  },
  roleMismatch: {
    sign: /role/i,
    says: 'The roles of the two sides do not go together (RFC 9234).',
    remedy: 'Make them provider and customer, route server and client, or peer on both sides.',
  },
  noCommonFamily: {
    sign: /no address family in common|Unsupported Capability/,
    says: 'The two sides have no address family in common, or one insists on a capability that the other lacks.',
    remedy: 'Activate the address family for this neighbour in the router, or set dualStackAddressFamily.',
  },
  prefixLimit: {
    sign: /prefixes where \d+ are allowed|Maximum (Number of )?Prefixes/i,
    says: 'More prefixes were sent than are allowed.',
    remedy: 'Raise the limit, or send fewer prefixes.',
  },
  holdTimerExpired: {
    sign: /hold timer expired/i,
    says: 'One side heard nothing for as long as the hold time.',
    remedy: 'Check whether the link loses packets, a host was overloaded, or the path MTU is too small.',
  },
  shutByPeer: {
    sign: /received Cease\/(Hard Reset: Cease\/)?(Administrative|Peer Deconfigured|Other Configuration)/,
    says: 'The operator of the peer has shut down or reconfigured the session.',
    remedy: 'Ask whoever runs the router; it comes back by itself once the router allows it.',
  },
  stopped: {
    sign: /^stopped/,
    says: 'The session was ended here.',
    remedy: 'Nothing, if that was intended: a reload or a restart begins it again.',
  },
  notification: {
    sign: /(received|sent) [A-Z]/,
    says: 'One side ended the session with a NOTIFICATION, whose name says why.',
    remedy: 'See the log of the side that sent it.',
  },
  connectionLost: {
    sign: /closed the connection|connection reset|connection ended/,
    says: 'The TCP connection ended without a NOTIFICATION: the router stopped, or something in between resets connections.',
    remedy: "See the router's log.",
  },
  notHeard: {
    sign: /no router was heard|not heard/,
    says: 'No router has been found on the link of the peer.',
    remedy: 'Have the router send router advertisements on that link (RFC 4861), and check that the link is up.',
  },
  waiting: {
    sign: /^$/,
    says: 'Nothing has failed yet: the session is being set up, or waits for the peer to connect.',
    remedy: 'Wait; for a passive session the peer must connect.',
  },
  unknownFailure: {
    sign: /(?:)/,
    says: 'The session failed for another reason.',
    remedy: 'See its last error, and the log of the router.',
  },
} as const satisfies Record<string, Symptom>;

export type SymptomWord = keyof typeof symptoms;

/** What the operator of the peer has written (RFC 9003), which may be anything, goes for no sign. */
const COMMUNICATION = /(?<=Administrative (?:Shutdown|Reset)): .*/s;

/** @param lastError as `show peers` has it */
export function symptomOf(lastError: string): SymptomWord {
  const own = lastError.replace(COMMUNICATION, '');
  return (Object.keys(symptoms) as SymptomWord[]).find((word) => symptoms[word].sign.test(own))!;
}
