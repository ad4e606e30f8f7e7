/** Octets written as hexadecimal, as people paste them, line by line. */
import { fromHex } from '../lib/bytes.ts';

/** What a line came to. */
export interface HexLine {
  readonly octets: Uint8Array;
  /** What is wrong: octets are missing in front of those of the line. */
  readonly fault?: string;
}

/** `00000010: ffff ffff  ....`, or without the colon: the offset in front, characters behind two blanks. */
const DUMP = /^\s*(?:0x)?([0-9a-f]{4,8})(:\s+|\s{2,})((?:[0-9a-f]{2,8}\s{1,2})*[0-9a-f]{2,8})(?:\s{2,}\S.*)?$/i;
/** The last line of `hexdump -C`: how many octets there were. */
const TOTAL = /^[0-9a-f]{7,8}$/i;
/** Characters of a line of a dump. */
const MAX_DUMP = 4096;
/** The digits of a marker (RFC 4271 §4.1). */
const MARKER = /^f{32}/i;

const NONE = new Uint8Array(0);

/**
 * Blanks, colons and `0x` between octets and `# comments` are passed over, and so are the offsets and the characters of a
 * dump by xxd, `hexdump -C` or `tcpdump -x`.
 */
export class HexText {
  /** A digit whose other one is on the next line. */
  private half = '';
  /** Octets so far, or since the dump at hand began. */
  private at = 0;
  private dumped = false;

  /** One more line, without its end. */
  take(line: string): HexLine {
    const own = this.digitsOf(line.replace(/#.*/s, '').trimEnd());
    const wrong = /[^0-9a-f]/i.exec(own);
    if (wrong) {
      this.half = '';
      return { octets: NONE, fault: `"${wrong[0]}" is no hexadecimal digit` };
    }
    // Where a message begins, the one in front of it was cut off.
    const cut = this.half !== '' && MARKER.test(own);
    const digits = cut ? own : this.half + own;
    const whole = digits.length - (digits.length % 2);
    this.half = digits.slice(whole);
    this.at += whole / 2;
    const octets = fromHex(digits.slice(0, whole));
    return cut ? { octets, fault: `${ODD} in front of a message` } : { octets };
  }

  /** What is wrong with the end of the text, if something is. */
  end(): string | undefined {
    return this.half === '' ? undefined : ODD;
  }

  private digitsOf(line: string): string {
    if (this.dumped && TOTAL.test(line) && Number.parseInt(line, 16) === this.at) return '';
    const dump = line.length > MAX_DUMP ? null : DUMP.exec(line);
    const offset = dump === null ? -1 : Number.parseInt(dump[1]!, 16);
    // One dump may follow another.
    const isOffset = offset === this.at || (offset === 0 && this.dumped);
    const isDump = dump !== null && (isOffset || dump[2]!.startsWith(':'));
    if (isDump && offset === 0) this.at = 0;
    this.dumped ||= isDump;
    return (isDump ? dump[3]! : line).replace(/0x/gi, '').replace(/[\s:,;-]/g, '');
  }
}

const ODD = 'an odd number of digits';
