/** What can go wrong: octets that make no sense, and requests that the kernel refuses. */

/** A message that cannot be read. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** A request that the kernel refused, or whose outcome is not known. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** `EEXIST`, `ENETUNREACH` … */
  readonly code: string;
  readonly errno: number;
  /** The attribute that the kernel objects to, or misses, as the kernel calls it: `RTA_GATEWAY`, `IFLA_LINKINFO.IFLA_INFO_DATA`. */
  readonly attribute: string | undefined;

  /** `text` is the kernel's own where it gave any (NLMSGERR_ATTR_MSG). */
  constructor(errno: number, text?: string, attribute?: string) {
    const code = errorCode(errno);
    super(text === undefined ? code : `${code}: ${text}`);
    this.code = code;
    this.errno = errno;
    this.attribute = attribute;
  }
}

/** Linux's numbers (asm-generic/errno.h), those that rtnetlink is known to answer with. */
const codes: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  3: 'ESRCH',
  4: 'EINTR',
  5: 'EIO',
  6: 'ENXIO',
  7: 'E2BIG',
  9: 'EBADF',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  14: 'EFAULT',
  16: 'EBUSY',
  17: 'EEXIST',
  18: 'EXDEV',
  19: 'ENODEV',
  20: 'ENOTDIR',
  22: 'EINVAL',
  23: 'ENFILE',
  24: 'EMFILE',
  27: 'EFBIG',
  28: 'ENOSPC',
  33: 'EDOM',
  34: 'ERANGE',
  36: 'ENAMETOOLONG',
  39: 'ENOTEMPTY',
  40: 'ELOOP',
  61: 'ENODATA',
  62: 'ETIME',
  71: 'EPROTO',
  74: 'EBADMSG',
  75: 'EOVERFLOW',
  76: 'ENOTUNIQ',
  90: 'EMSGSIZE',
  92: 'ENOPROTOOPT',
  93: 'EPROTONOSUPPORT',
  95: 'EOPNOTSUPP',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  100: 'ENETDOWN',
  101: 'ENETUNREACH',
  105: 'ENOBUFS',
  107: 'ENOTCONN',
  110: 'ETIMEDOUT',
  113: 'EHOSTUNREACH',
  114: 'EALREADY',
  115: 'EINPROGRESS',
  116: 'ESTALE',
  122: 'EDQUOT',
  125: 'ECANCELED',
};

/** Those that are told apart or made up here. */
export const Errno = {
  noent: 2,
  srch: 3,
  intr: 4,
  nodev: 19,
  inval: 22,
  proto: 71,
  badmsg: 74,
  msgsize: 90,
  opnotsupp: 95,
  addrnotavail: 99,
  nobufs: 105,
} as const;

/** `EEXIST` for 17; `errno 512` for what has no name here. */
export const errorCode = (errno: number): string => codes[errno] ?? `errno ${errno}`;
