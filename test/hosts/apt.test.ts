// SPDX-License-Identifier: MIT
/** The package sources of another release, from what apt's own files look like (sources.list(5)). */
import { expect, test } from "vitest";
import { sourceLines, sourcesIn } from "../../scripts/hosts/apt.js";

const names = { own: "bookworm", release: "trixie" };

test("lines and stanzas name the same sources, and those of others are left out", () => {
  const list = `# a comment
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.example/debian bookworm main contrib # ours
deb http://mirror.example/security bookworm-security main
deb-src http://mirror.example/debian bookworm main
deb https://elsewhere.example/apt stable main
`;
  const stanzas = `Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 Types: deb
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://mirror.example/other
Suites: bookworm
Components: main

Types: deb
URIs: https://elsewhere.example/node
Suites: nodistro
Components: main
`;
  const expected = [
    { uri: "http://mirror.example/debian", suite: "trixie", components: "main contrib" },
    { uri: "http://mirror.example/security", suite: "trixie-security", components: "main" },
  ];
  expect(sourcesIn({ lists: [list], stanzas: [], ...names })).toEqual(expected);
  expect(sourcesIn({ lists: [], stanzas: [stanzas], ...names })).toEqual(expected);
  expect(sourceLines(expected)[1]).toMatch(
    /^deb \[.*\] http:\/\/mirror.example\/security trixie-security main\n$/,
  );
});

test("several places and suites of one stanza are all of them sources", () => {
  const stanza = "Types: deb\nURIs: http://a.example http://b.example\nSuites: bookworm\n bookworm-updates\n";
  const found = sourcesIn({ lists: [], stanzas: [`${stanza}Components: main\n`], ...names });
  expect(found.map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
    "http://a.example trixie",
    "http://a.example trixie-updates",
    "http://b.example trixie",
    "http://b.example trixie-updates",
  ]);
});

test("a machine whose sources are none of its release is told so", () => {
  const lists = ["deb http://mirror.example/debian stable main\n"];
  expect(() => sourcesIn({ lists, stanzas: [], ...names })).toThrow("bookworm");
});
