/** Messages by type (RFC 4271 §4), as `show peers` and the metrics count them. */
import { type MessageName, MessageType } from './const.ts';

export type MessageCounts = Record<MessageName, number>;

const names = Object.keys(MessageType) as MessageName[];

export const noMessages = (): MessageCounts => ({ open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 });

/** Counts a message by its type code; unknown ones count nowhere. */
export function countMessage(counts: MessageCounts, type: number): void {
  const name = names[type - 1];
  if (name) counts[name]++;
}
