// SPDX-License-Identifier: MIT
/** placeholder */
export async function writeBzImage(
  _kernelDirectory: string,
  _image: Uint8Array,
  output: string,
  _scratch: string,
): Promise<string> {
  return output;
}
