/** The way of a decision: the tests that were passed before the one that decided, told to whoever asks. */
import type { Meta } from '../config/model.ts';
import type { Reason } from './reason.ts';

/** A test that was passed. */
export interface Passed {
  /** The reason that a failure would have been given. */
  readonly test: Reason;
  /** What was found. */
  readonly detail: string;
  readonly because: readonly Meta[];
}

/** Takes the tests of one Service in their order. */
export interface Trace {
  /** Towards an address and its pool. */
  address(passed: Passed): void;
  bgp(passed: Passed): void;
  layer2(passed: Passed): void;
}

/** The questions that tests ask, by the reason that a failure is given. */
export const questions: Readonly<Partial<Record<Reason, string>>> = {
  serviceDeleted: 'Is there such a Service?',
  notLoadBalancer: 'Is it of type LoadBalancer?',
  loadBalancerClassMismatch: 'Is it of our load-balancer class?',
  noIPAllocated: 'Does it have an address?',
  invalidIP: 'Can its addresses be read?',
  ipNotAllowed: 'Does one pool contain its addresses?',
  notOwner: 'Does a BGPAdvertisement of the pool select this node?',
  noMatchingAdvertisement: 'Does such an advertisement select the Service?',
  conflictingAdvertisements: 'Do the advertisements agree on the local preference?',
  nodeNetworkUnavailable: 'Is the network of the node available?',
  nodeLabeledExcludeBalancers: 'May load balancers use the node?',
  nodeDrained: 'Is the node in use?',
  noLocalEndpoints: 'Does this node have a usable endpoint, as the Local policy requires?',
  noEndpoints: 'Is there a usable endpoint?',
};

/** Where a test means something else on layer 2. */
export const layer2Questions: typeof questions = {
  notOwner: 'Is this node chosen to answer?',
  noMatchingAdvertisement: 'Does an L2Advertisement select the Service and this node?',
  sharedIPWithServiceSelector: 'Can all Services on the address be announced alike?',
  heldDown: 'May this node take addresses over already?',
  announceFailed: 'Can an interface answer?',
  announcePending: 'Has the answering thread taken it over?',
  announcerUnavailable: 'Is the answering thread running?',
  addressClaimed: 'Is the address claimed by nobody else?',
  heldElsewhere: 'Is no other node holding the address?',
};
