// SPDX-License-Identifier: MIT
/**
 * Which files stand behind what a program says and does: tables, a reason in each row. A path that ends with a
 * slash is a directory of which files are chosen while the program runs.
 */
import type { Inspection } from "./schema.js";

type FileKind = Inspection["files"][number]["kind"];

/** A path that live code mentions, by its form. The first row that fits counts; no row, no file. */
export const pathRules: readonly (readonly [form: RegExp, kind: FileKind, reason: string])[] = [
  [/^\/etc\/(ld\.so\.|suid-debug$)/, "loader", "the loader reads it before main"],
  [/^\/.*\/gconv(\/|$)/, "gconv", "it says which modules convert between character sets"],
  [/^\/usr\/(lib|share)\/locale(\/|$)|\/locale-archive$/, "locale", "the locale that LANG or LC_ALL names"],
  [/^\/etc\/(localtime|timezone)$|\/zoneinfo(\/|$)/, "timezone", "the time zone, or that of TZ"],
  [
    /^\/(usr|etc|var)\/.*(ssl|certs?|pki|ca-bundle|ca-certificates|trust)([/._]|$)/,
    "certificates",
    "certificates and settings of TLS",
  ],
  [
    /^\/etc\/(nsswitch\.conf|passwd|group|g?shadow|hosts|networks|protocols|services|rpc|aliases|ethers|netgroup)$/,
    "nss",
    "names are looked up in it",
  ],
  [/^\/etc\/(resolv|host|gai)\.conf$/, "nss", "it says how hosts are looked up"],
  [/^\/(?:usr\/)?bin\/sh$/, "program", "commands are given to it"],
  [/^\/etc\//, "configuration", "live code has this path"],
  [/^\/(proc|sys|dev|run|var)(\/|$)/, "path", "live code has this path"],
];

export interface FunctionRule {
  /** Functions of libraries, or of Go's packages; any of them asks for the files. */
  readonly functions: readonly string[];
  readonly kind: FileKind;
  readonly paths: readonly string[];
  readonly reason: string;
}

/** Of a program that asks for any time zone, and not for the local one alone. */
export const zonesByName = "time zones are looked up by name";

/** Files that are opened by a path that is put together, or that only some functions open. */
export const functionRules: readonly FunctionRule[] = [
  {
    functions: ["setlocale", "newlocale"],
    kind: "locale",
    paths: ["/usr/lib/locale/", "/usr/lib/locale/locale-archive", "/usr/share/locale/locale.alias"],
    reason: "a locale other than C is read from there",
  },
  {
    functions: ["setlocale", "newlocale", "iconv_open"],
    kind: "gconv",
    paths: ["/usr/lib/x86_64-linux-gnu/gconv/"],
    reason: "character sets other than ASCII and UTF-8 are converted by modules from there",
  },
  {
    functions: ["gettext", "dgettext", "dcgettext", "ngettext", "dngettext", "dcngettext"],
    kind: "locale",
    paths: ["/usr/share/locale/"],
    reason: "messages are translated by catalogues from there",
  },
  {
    functions: [
      "localtime",
      "localtime_r",
      "mktime",
      "timelocal",
      "strftime",
      "strftime_l",
      "wcsftime",
      "tzset",
    ],
    kind: "timezone",
    paths: ["/etc/localtime", "/usr/share/zoneinfo/"],
    reason: "local time is told by the time zone there",
  },
  {
    functions: ["time.LoadLocation"],
    kind: "timezone",
    paths: ["/usr/share/zoneinfo/"],
    reason: zonesByName,
  },
  {
    functions: ["crypto/x509.loadSystemRoots"],
    kind: "certificates",
    paths: ["/etc/ssl/certs/ca-certificates.crt"],
    reason: "Go trusts the authorities there",
  },
  {
    functions: ["getaddrinfo", "getpwnam", "getpwuid", "getpwnam_r", "getpwuid_r", "getgrnam", "getgrgid"],
    kind: "nss",
    paths: ["/var/run/nscd/socket"],
    reason: "the cache of name services is asked first",
  },
  {
    functions: ["getaddrinfo"],
    kind: "nss",
    paths: ["/etc/gai.conf"],
    reason: "it says in which order addresses are tried",
  },
  {
    functions: ["getaddrinfo", "gethostbyname", "gethostbyname_r", "gethostbyname2", "gethostbyname2_r"],
    kind: "nss",
    paths: ["/etc/resolv.conf", "/etc/host.conf"],
    reason: "it says how hosts are looked up",
  },
  {
    functions: ["gethostbyaddr", "gethostbyaddr_r", "getnameinfo", "res_init", "__res_init", "res_ninit"],
    kind: "nss",
    paths: ["/etc/resolv.conf", "/etc/host.conf"],
    reason: "it says how hosts are looked up",
  },
  {
    functions: ["shm_open", "shm_unlink", "sem_open", "sem_unlink"],
    kind: "path",
    paths: ["/dev/shm/"],
    reason: "shared memory and semaphores are files there",
  },
  {
    functions: ["OPENSSL_init_crypto", "OPENSSL_config", "CONF_modules_load_file"],
    kind: "certificates",
    paths: ["/usr/lib/ssl/openssl.cnf"],
    reason: "OpenSSL reads its settings when it starts",
  },
  {
    functions: ["SSL_CTX_set_default_verify_paths", "X509_STORE_set_default_paths"],
    kind: "certificates",
    paths: ["/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs/", "/etc/ssl/certs/"],
    reason: "certificates are checked against those there",
  },
];

/** The file of each database of names, where the service "files" looks. */
export const databaseFiles: ReadonlyMap<string, string> = new Map(
  [
    "passwd",
    "group",
    "shadow",
    "gshadow",
    "hosts",
    "networks",
    "protocols",
    "services",
    "rpc",
    "aliases",
  ].map((database) => [database, `/etc/${database}`]),
);
