/**
 * The words in which a decision is explained. The same word is a log field, a metric label, what a test expects and
 * what `explain` prints, so a word is never renamed. Those of MetalLB's speaker keep their spelling.
 */

interface Explanation {
  /** What is the case, in one sentence. */
  readonly says: string;
  /** What would have to change. */
  readonly remedy: string;
}

export const reasons = {
  // Why a Service is not announced, in the order in which they are tested.
  serviceDeleted: { says: 'The Service no longer exists.', remedy: 'Add its document again.' },
  notLoadBalancer: { says: 'The Service is not of type LoadBalancer.', remedy: 'Set spec.type to LoadBalancer.' },
  loadBalancerClassMismatch: {
    says: 'The Service belongs to another load-balancer class.',
    remedy: "Make spec.loadBalancerClass equal to the Speaker's loadBalancerClass.",
  },
  noIPAllocated: {
    says: 'The Service has no address.',
    remedy: 'Resolve the allocation failure named beside this, or write the address into status.loadBalancer.ingress.',
  },
  invalidIP: {
    says: 'An entry of status.loadBalancer.ingress is not an IP address.',
    remedy: 'Give every entry an ip; host names cannot be announced.',
  },
  ipNotAllowed: {
    says: 'No address pool contains all addresses of the Service.',
    remedy: 'Add the addresses to one IPAddressPool, or take addresses from an existing one.',
  },
  loadBalancerIPChanged: {
    says: 'The addresses of the Service changed; the old ones are withdrawn.',
    remedy: 'Nothing: the new addresses are decided separately.',
  },
  notOwner: {
    says: 'This node does not announce it: no BGPAdvertisement of the pool selects this node, or on layer 2 another node, or none, is chosen.',
    remedy:
      'For BGP, reference the pool from a BGPAdvertisement whose nodeSelectors match this node. On layer 2, nothing where another node answers.',
  },
  noMatchingAdvertisement: {
    says: 'No advertisement of the pool selects both this node and the Service.',
    remedy: 'Change nodeSelectors or serviceSelectors of the advertisement, or the labels of the node or the Service.',
  },
  sharedIPWithServiceSelector: {
    says: 'The Service may share its addresses, and an L2Advertisement with serviceSelectors matches it.',
    remedy: 'Remove metallb.io/allow-shared-ip from the Service, or serviceSelectors from the L2Advertisement.',
  },
  heldDown: {
    says: 'The node started so recently that it does not take addresses over yet, or has not yet heard from the nodes that it watches by BFD.',
    remedy: 'Wait, or shorten layer2.holdDown in the Speaker; waypost show bfd shows what keeps a session down.',
  },
  announceFailed: {
    says: 'No interface that may answer for the address exists on this node and is up.',
    remedy: "Bring one up, or change the L2Advertisement's interfaces.",
  },
  announcePending: {
    says: 'The thread that answers ARP and neighbour discovery has not taken the address over yet.',
    remedy:
      'Wait: it takes milliseconds, two seconds with layer2.stickiness, which asks first, and a few seconds right after a start.',
  },
  announcerUnavailable: {
    says: 'The thread that answers ARP and neighbour discovery could not be started.',
    remedy: 'The log has the reason.',
  },
  addressClaimed: {
    says: 'Another host with a lower hardware address claims the address, and this node has fallen silent.',
    remedy: 'Remove the address from the other host, or set layer2.conflict in the Speaker to defend.',
  },
  heldElsewhere: {
    says: 'Another node has the address, and with layer2.stickiness it keeps it.',
    remedy: 'Nothing: this node takes it over when the other one is silent.',
  },
  conflictingAdvertisements: {
    says: 'Two BGPAdvertisements want different local preferences for one route to one peer.',
    remedy: 'Give them the same localPref, other aggregation lengths in every family, or peers without overlap.',
  },
  nodeNetworkUnavailable: {
    says: 'The Node has the condition NetworkUnavailable.',
    remedy: 'Wait for the network plugin, which clears it.',
  },
  nodeLabeledExcludeBalancers: {
    says: 'The node carries the label node.kubernetes.io/exclude-from-external-load-balancers.',
    remedy: 'Remove the label (its value does not matter), or set ignoreExcludeLabel in the Speaker.',
  },
  nodeDrained: {
    says: 'The node is drained: its routes are withdrawn.',
    remedy: 'Run waypost undrain, or remove the label waypost.dev/drain from the node.',
  },
  noLocalEndpoints: {
    says: 'Under externalTrafficPolicy Local, no endpoint on this node is ready or serving.',
    remedy: 'Run a ready endpoint on this node, or use the Cluster policy.',
  },
  noEndpoints: {
    says: 'No endpoint of the Service is ready or serving on any node.',
    remedy: 'Run a ready endpoint.',
  },

  // What is to be known of a Service that is announced.
  nodeDraining: {
    says: 'The node is being drained: its routes are a last choice and will be withdrawn.',
    remedy: 'Run waypost undrain, or remove the label waypost.dev/drain from the node.',
  },
  soleLocalHolder: {
    says: 'The node is drained, and under externalTrafficPolicy Local no other node could serve the Service.',
    remedy: 'Run a ready endpoint on another node, or clear drain.keepSoleLocal in the Speaker.',
  },
  endpointsTerminating: {
    says: 'Under externalTrafficPolicy Local, endpoints on this node only terminate any more and another node has a ready one: the routes are a last choice.',
    remedy:
      'Nothing: they go with the last endpoint. To leave them as they are, set waypost.dev/terminating: keep on the Service.',
  },
  communityNotAllowed: {
    says: 'The Service asks for a community that it may not have or that cannot be read; it is left out.',
    remedy: 'Add it to serviceCommunities of the Speaker, or remove it from the Service.',
  },

  // Why a Service has no address.
  requestInvalid: {
    says: 'The address request of the Service contradicts itself or cannot be read.',
    remedy: 'Use either metallb.io/loadBalancerIPs or spec.loadBalancerIP, with at most one address per family.',
  },
  addressNotInPool: {
    says: 'The requested addresses do not all lie in one pool, or not in the requested one.',
    remedy: 'Request addresses of one IPAddressPool.',
  },
  addressAvoided: {
    says: 'The requested address ends in .0 or .255 and its pool avoids those.',
    remedy: 'Request another address, or clear avoidBuggyIPs.',
  },
  addressInUse: {
    says: 'Another Service holds the address, and one of the two has no sharing key.',
    remedy: 'Give both the same metallb.io/allow-shared-ip, or request another address.',
  },
  sharingKeyMismatch: {
    says: 'Another Service holds the address under a different sharing key.',
    remedy: 'Give both the same metallb.io/allow-shared-ip.',
  },
  backendKeyMismatch: {
    says: 'The Services on the address differ in externalTrafficPolicy, or, under Local, in their pod selectors.',
    remedy: 'Use the Cluster policy for all of them, or the same selector.',
  },
  portConflict: {
    says: 'Another Service on the address uses the same protocol and port.',
    remedy: 'Change the port, or use another address.',
  },
  addressTaken: {
    says: 'A Service whose status names this address has taken it over.',
    remedy: 'Nothing: another address is allocated.',
  },
  differentIPRequested: {
    says: 'The Service now asks for other addresses than it held.',
    remedy: 'Nothing: it is allocated again.',
  },
  differentPoolRequested: {
    says: 'The Service now asks for another pool than the one its addresses came from.',
    remedy: 'Nothing: it is allocated again.',
  },
  familyMismatch: {
    says: 'The address families do not suit ipFamilies and ipFamilyPolicy of the Service.',
    remedy:
      'Request the families the Service has, use a pool that holds them, or set ipFamilyPolicy to RequireDualStack for both.',
  },
  poolUnknown: {
    says: 'The requested pool does not exist.',
    remedy: 'Create the IPAddressPool, or correct metallb.io/address-pool.',
  },
  poolIncompatible: {
    says: "The pool's serviceAllocation does not admit this Service.",
    remedy: 'Extend its namespaces, namespaceSelectors or serviceSelectors.',
  },
  poolExhausted: {
    says: 'Every address that the Service may have is in use.',
    remedy: 'Enlarge the pool, or let Services share addresses.',
  },
  noPool: {
    says: 'No pool gives this Service an address unless it asks for one.',
    remedy: 'Set autoAssign on a pool that admits the Service, or request one with metallb.io/address-pool.',
  },

  // Why a route that was decided does not reach a peer.
  notContributed: {
    says: 'No Service contributes this prefix.',
    remedy: 'Announce a Service whose addresses lie in it, with a matching aggregation length.',
  },
  peerNotSelected: {
    says: 'The advertisements of this prefix are restricted to other peers.',
    remedy:
      "Add the BGPPeer's name to the advertisement's peers, or leave the list empty; in an FRRConfiguration, allow the prefix in toAdvertise of that neighbour.",
  },
  familyNotConfigured: {
    says: 'The session does not carry the address family of the prefix.',
    remedy: 'Peer over an address of that family, or set dualStackAddressFamily.',
  },
  familyNotNegotiated: {
    says: 'The session carries the address family on this side only: the peer takes no routes of it.',
    remedy: 'Activate the address family for this neighbour in the router.',
  },
  noNextHop: {
    says: 'This node has no address of the family on the link of the session, which could be the next hop.',
    remedy: 'Give the interface one, or name it in toAdvertise.nextHop of an FRRConfiguration.',
  },
  messageTooLong: {
    says: 'No message of this session can hold the prefix with its attributes.',
    remedy: 'Remove communities.',
  },
  tooManyCommunities: {
    says: 'The advertisements of this prefix add up to more than 63 communities.',
    remedy: 'Remove communities.',
  },
  localPrefConflict: {
    says: 'Contributions to one prefix disagree on the local preference; the highest is used.',
    remedy: 'Give the advertisements the same localPref, or aggregate so that their pools do not meet in one prefix.',
  },
  prependConflict: {
    says: 'Contributions to one prefix disagree on how often to prepend; the highest count is used.',
    remedy: 'Give the advertisements the same waypost.dev/as-path-prepend.',
  },
  medConflict: {
    says: 'Contributions to one prefix disagree on the MED; the highest is used.',
    remedy: 'Give the advertisements the same waypost.dev/med.',
  },
  bandwidthConflict: {
    says: 'Contributions to one prefix disagree on the link bandwidth; the highest is used.',
    remedy: 'Nothing, where Services with different numbers of endpoints share the prefix.',
  },
  serviceCommunitiesDropped: {
    says: 'With the communities that Services add, the prefix would have more than 63; those are left out.',
    remedy: 'Remove communities from the Services that contribute to the prefix.',
  },

  // Why an address is nobody's.
  addressInNoPool: {
    says: 'No address pool contains the address.',
    remedy: 'Add it to the addresses of an IPAddressPool.',
  },
  addressUnused: {
    says: 'A pool contains the address, and no Service holds it.',
    remedy: 'Ask for it in a Service with metallb.io/loadBalancerIPs.',
  },
  poolNotAdvertised: {
    says: 'No advertisement references the pool: Services get its addresses, and nothing announces them.',
    remedy: 'Write a BGPAdvertisement or an L2Advertisement for the pool.',
  },

  // Why a BGPPeer has no session on this node.
  nodeNotSelected: {
    says: "The BGPPeer's nodeSelectors do not match the labels of this node.",
    remedy: 'Change nodeSelectors, or label the node.',
  },
  noPeer: {
    says: 'There is no BGPPeer to advertise to.',
    remedy: 'Write a BGPPeer for the router.',
  },
  noRouterId: {
    says: 'There is no router ID: none is configured and this node has no IPv4 address to take it from.',
    remedy: 'Set routerID in the BGPPeer or the Speaker.',
  },
} as const satisfies Record<string, Explanation>;

export type Reason = keyof typeof reasons;

/** A reason beside a decision, which it does not turn. */
export interface Note {
  readonly reason: Reason;
  /** The particulars, for people. */
  readonly detail: string;
}
