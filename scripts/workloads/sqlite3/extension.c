// SPDX-License-Identifier: MIT
// The smallest extension that can be loaded.
int sqlite3_extension_init(void *database, char **message, const void *functions) {
  (void)database, (void)message, (void)functions;
  return 0;
}
