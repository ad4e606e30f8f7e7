/** CRC-32 as IEEE 802.3 has it. */
import { crc32 as zlibCrc32 } from 'node:zlib';

export const crc32 = (text: string): number => zlibCrc32(text) >>> 0;
