/** One message as lines. */
import { HEADER_OCTETS, MessageType } from '../bgp/const.ts';
import type { Context } from '../bgp/context.ts';
import { BgpError, describeNotification } from '../bgp/errors.ts';
import { decodeNotification, decodeOpen, decodeRouteRefresh, type OpenMessage } from '../bgp/message.ts';
import { type Lines, nameOf } from './lines.ts';
import type { Updates } from './updates.ts';

/**
 * Writes a whole message, header included, whose header was checked. What is wrong in it becomes an error with the code that
 * a NOTIFICATION would have. Returns the OPEN that it was.
 * @param sender whom its routes are counted for
 */
export function decodeInto(
  lines: Lines,
  updates: Updates,
  message: Uint8Array,
  offset: number,
  context: Context,
  sender: string | undefined,
): OpenMessage | undefined {
  const type = message[18]!;
  lines.tally.message(nameOf(type));
  try {
    return bodyInto(lines, updates, message, type, context, sender);
  } catch (error) {
    if (!(error instanceof BgpError)) throw error;
    const { code, subcode } = error.notification;
    const notification = { code, subcode, text: describeNotification({ code, subcode, data: new Uint8Array(0) }) };
    lines.error(error.message, { message: nameOf(type), offset, notification });
    return undefined;
  }
}

function bodyInto(
  lines: Lines,
  updates: Updates,
  message: Uint8Array,
  type: number,
  context: Context,
  sender: string | undefined,
): OpenMessage | undefined {
  const end = message.length;
  switch (type) {
    case MessageType.open: {
      const open = decodeOpen(message, HEADER_OCTETS, end);
      lines.open(open);
      return open;
    }
    case MessageType.update: {
      const routes = updates.decode(message, HEADER_OCTETS, end, context);
      if (sender !== undefined) lines.tally.peer(sender).routes += routes;
      return undefined;
    }
    case MessageType.notification:
      lines.notification(decodeNotification(message, HEADER_OCTETS, end));
      return undefined;
    case MessageType.routeRefresh:
      lines.line(decodeRouteRefresh(message, HEADER_OCTETS, end) ?? { type: 'routeRefresh', subtype: 'unknown' });
      return undefined;
    default:
      lines.line({ type: nameOf(type) });
      return undefined;
  }
}
