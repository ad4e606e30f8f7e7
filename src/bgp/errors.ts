/**
 * What can be wrong with a peer's messages, as the codes that a NOTIFICATION carries (RFC 4271 §4.5 and §6, RFC 4486,
 * RFC 5492, RFC 6608, RFC 7313, RFC 8538, RFC 9234, RFC 9384, RFC 9687).
 *
 * Two kinds of fault exist. A `BgpError` ends the session with exactly the NOTIFICATION it holds. An attribute
 * fault is milder: RFC 7606 lets the session live and says what becomes of the routes (see attr.ts).
 */

export const ErrorCode = {
  messageHeader: 1,
  open: 2,
  update: 3,
  holdTimerExpired: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimerExpired: 8,
} as const;

export const HeaderError = { connectionNotSynchronized: 1, badMessageLength: 2, badMessageType: 3 } as const;

export const OpenError = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badBgpIdentifier: 3,
  unsupportedOptionalParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  roleMismatch: 11,
} as const;

export const UpdateError = {
  malformedAttributeList: 1,
  unrecognizedWellKnownAttribute: 2,
  missingWellKnownAttribute: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetworkField: 10,
  malformedAsPath: 11,
} as const;

/** RFC 6608: the state in which a message arrived that must not. */
export const FsmError = { unspecified: 0, openSent: 1, openConfirm: 2, established: 3 } as const;

export const Cease = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  connectionCollision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;

export const RouteRefreshError = { invalidLength: 1 } as const;

/** The content of a NOTIFICATION (RFC 4271 §4.5). */
export interface Notification {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

const NO_DATA = new Uint8Array(0);

export function notification(code: number, subcode = 0, data: Uint8Array = NO_DATA): Notification {
  return { code, subcode, data };
}

/** A fault of the peer that ends the session with `notification`. The message says what was seen, for people. */
export class BgpError extends Error {
  override readonly name = 'BgpError';
  readonly notification: Notification;
  constructor(message: string, code: number, subcode = 0, data: Uint8Array = NO_DATA) {
    super(message);
    this.notification = notification(code, subcode, data);
  }
}

const tables: Record<number, readonly [string, Record<string, number>]> = {
  [ErrorCode.messageHeader]: ['Message Header Error', HeaderError],
  [ErrorCode.open]: ['OPEN Message Error', OpenError],
  [ErrorCode.update]: ['UPDATE Message Error', UpdateError],
  [ErrorCode.holdTimerExpired]: ['Hold Timer Expired', {}],
  [ErrorCode.fsm]: ['Finite State Machine Error', FsmError],
  [ErrorCode.cease]: ['Cease', Cease],
  [ErrorCode.routeRefresh]: ['ROUTE-REFRESH Message Error', RouteRefreshError],
  [ErrorCode.sendHoldTimerExpired]: ['Send Hold Timer Expired', {}],
};

/**
 * `Cease/Administrative Shutdown: maintenance`, for logs and `show peers`. The text of a shutdown communication
 * (RFC 9003) is appended when there is one; control characters are replaced, since it is the peer's.
 */
export function describeNotification(n: Notification): string {
  const [code, subcodes] = tables[n.code] ?? [`code ${n.code}`, {}];
  const name = Object.keys(subcodes).find((key) => subcodes[key] === n.subcode);
  const title = name?.replace(/[A-Z]/g, ' $&').replace(/^./, (c) => c.toUpperCase());
  const spelled = title?.replace(/\b(As|Bgp|Bfd)\b/g, (word) => word.toUpperCase());
  const text = n.code === ErrorCode.cease && n.subcode === Cease.hardReset ? insideText(n) : shutdownText(n);
  return `${code}${spelled ? `/${spelled}` : n.subcode ? `/subcode ${n.subcode}` : ''}${text ? `: ${text}` : ''}`;
}

/** What a Hard Reset holds (RFC 8538 §3.1). */
function insideText({ data }: Notification): string | undefined {
  const [code, subcode] = data;
  if (code === undefined || subcode === undefined) return undefined;
  return describeNotification(
    notification(code, code === ErrorCode.cease && subcode === Cease.hardReset ? 0 : subcode, data.subarray(2)),
  );
}

/** The shutdown communication of a Cease (RFC 9003 §2), or undefined when there is none or it is malformed. */
export function shutdownText(n: Notification): string | undefined {
  const carries = n.subcode === Cease.administrativeShutdown || n.subcode === Cease.administrativeReset;
  if (n.code !== ErrorCode.cease || !carries) return undefined;
  const length = n.data[0];
  if (length === undefined || length === 0 || length > n.data.length - 1) return undefined;
  const text = new TextDecoder().decode(n.data.subarray(1, 1 + length));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are to be kept out of logs
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** The data of a Cease with a shutdown communication; text past 255 octets of UTF-8 is cut at a character (RFC 9003 §2). */
export function shutdownData(text: string): Uint8Array {
  if (text === '') return NO_DATA;
  let bytes = new TextEncoder().encode(text);
  if (bytes.length > 255) {
    let end = 255;
    while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
    bytes = bytes.slice(0, end);
  }
  return Uint8Array.of(bytes.length, ...bytes);
}
