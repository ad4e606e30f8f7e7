/** Numbers of <linux/netlink.h> and <linux/rtnetlink.h> that all kinds of objects share. */

export const AF_UNSPEC = 0;
export const AF_INET = 2;
export const AF_INET6 = 10;

/** Octets of struct nlmsghdr. */
export const HEADER_OCTETS = 16;

export const MessageType = {
  noop: 1,
  error: 2,
  done: 3,
  overrun: 4,
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
  getRoute: 26,
  newNeighbour: 28,
  delNeighbour: 29,
  getNeighbour: 30,
  newRule: 32,
  delRule: 33,
  getRule: 34,
  newNextHop: 104,
  delNextHop: 105,
  getNextHop: 106,
} as const;

/** Bits of nlmsg_flags. Those of requests and of replies overlap. */
export const MessageFlag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  echo: 0x8,
  dumpInterrupted: 0x10,
  dumpFiltered: 0x20,
  /** Requests for a dump: root and match. */
  dump: 0x300,
  /** Requests for a new object. */
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  /** Acknowledgements: the request is not repeated in it, and attributes follow. */
  capped: 0x100,
  ackAttributes: 0x200,
} as const;

/** Multicast groups of NETLINK_ROUTE (RTNLGRP_*), as NETLINK_ADD_MEMBERSHIP wants them. */
export const Group = {
  link: 1,
  neighbour: 3,
  address4: 5,
  route4: 7,
  rule4: 8,
  address6: 9,
  route6: 11,
  rule6: 19,
  nextHop: 32,
} as const;

export type GroupName = keyof typeof Group;

/** Tables that the kernel itself knows; a VRF's may be any other, up to 2^32 - 1. */
export const RouteTable = { default: 253, main: 254, local: 255 } as const;

/** Who made a route, a rule or a next hop (RTPROT_*, /etc/iproute2/rt_protos). */
export const Protocol = { unspec: 0, redirect: 1, kernel: 2, boot: 3, static: 4, ra: 9, bgp: 186 } as const;
