/** CRC-32 as IEEE 802.3 has it. */

/** Its library is loaded when it is wanted: few nodes have no address to make an identifier of. */
export const crc32 = (text: string): number => process.getBuiltinModule('node:zlib').crc32(text) >>> 0;
