/** The event loop's next turn: sockets and timers get theirs in between. */
import { setImmediate as immediate, setTimeout as timeout } from 'node:timers/promises';

/** Work between two turns while there is much to do, ms. */
export const SLICE_MS = 5;

export const nextTurn = (): Promise<void> => immediate();

/** Later, ms. */
export const delay = (ms: number): Promise<void> => timeout(ms);
