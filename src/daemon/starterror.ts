/** The daemon could not start; the message is for the operator. */
export class StartError extends Error {}

/** What a part of it says why. */
export const refuse = ({ message }: Error): never => {
  throw new StartError(message);
};
