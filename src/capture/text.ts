/** Octets written as hexadecimal, as people paste them. */

/** A place where the text is not hexadecimal. */
export interface HexFault {
  readonly line: number;
  readonly text: string;
}

/**
 * Octets of hexadecimal text: blanks, colons and `0x` between them and `# comments` are passed over, and so are the offsets
 * and the characters of a dump by xxd, `hexdump -C` or `tcpdump -x`.
 */
export function octetsOf(text: string): Uint8Array | HexFault {
  const octets: number[] = [];
  let half = '';
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    const digits = half + digitsOf(line.replace(/#.*$/, '').trimEnd(), octets.length);
    const wrong = /[^0-9a-fA-F]/.exec(digits);
    if (wrong) return { line: i + 1, text: `"${wrong[0]}" is no hexadecimal digit` };
    half = digits.length % 2 === 1 ? digits.slice(-1) : '';
    for (let at = 0; at + 1 < digits.length; at += 2) octets.push(Number.parseInt(digits.slice(at, at + 2), 16));
  }
  if (half !== '') return { line: lines.length, text: 'an odd number of digits' };
  return Uint8Array.from(octets);
}

/** `00000010: ffff ffff  ....`, or without the colon: the offset in front, characters behind two blanks. */
const DUMP = /^\s*(?:0x)?([0-9a-f]{4,8})(:\s+|\s{2,})((?:[0-9a-f]{2,8}\s{1,2})*[0-9a-f]{2,8})(?:\s{2,}\S.*)?$/i;

/** @param at octets before this line, which tells an offset from digits */
function digitsOf(line: string, at: number): string {
  const dump = DUMP.exec(line);
  const isDump = dump !== null && (dump[2]!.startsWith(':') || Number.parseInt(dump[1]!, 16) === at);
  return (isDump ? dump[3]! : line).replace(/0x/gi, '').replace(/[\s:,;-]/g, '');
}
