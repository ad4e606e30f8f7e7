/** The event loop's next turn: sockets and timers get theirs in between. */
import { setImmediate as immediate } from 'node:timers/promises';

export const nextTurn = (): Promise<void> => immediate();
