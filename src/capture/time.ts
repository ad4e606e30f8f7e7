/** Times as text: ISO 8601, to the millisecond. */
import { type Ascii, asciiOf } from '../lib/ascii.ts';

/** The last moment that a Date knows, which a damaged file may be beyond, ms since 1970. */
const MAX_MS = 8.64e15;

export const isoTime = (ms: number): string => new Date(Math.min(ms, MAX_MS)).toISOString();

const DAY_SEC = 86_400;
/** The date and the letter behind it, by days since 1970: tables have routes of many times on few days. */
const dates = new Map<number, Uint8Array>();
const MIDNIGHT = 'T00:00:00.000Z'.length;
const COLON = 0x3a;
const END = asciiOf('.000Z');

/** Puts in what `isoTime` says of whole seconds since 1970, 0..4294967295. */
export function putTime(out: Ascii, sec: number): void {
  const day = Math.floor(sec / DAY_SEC);
  let date = dates.get(day);
  if (date === undefined) {
    date = asciiOf(isoTime(day * DAY_SEC * 1000).slice(0, 1 - MIDNIGHT));
    dates.set(day, date);
  }
  const rest = sec - day * DAY_SEC;
  const hour = (rest / 3600) | 0;
  const minute = ((rest - hour * 3600) / 60) | 0;
  out.put(date).pair(hour).octet(COLON);
  out.pair(minute).octet(COLON);
  out.pair(rest - hour * 3600 - minute * 60).put(END);
}
