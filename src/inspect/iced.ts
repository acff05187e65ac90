// SPDX-License-Identifier: MIT
/**
 * The full decoder, iced-x86. It is a CommonJS module of a megabyte, which Node reads twice when it is imported, to
 * learn what it exports: required, it is there in a third of the time.
 */
import { createRequire } from "node:module";
import type * as iced from "iced-x86";

export const { Code, Decoder, FlowControl, Instruction, Mnemonic, OpKind, Register, RegisterExt } =
  createRequire(import.meta.url)("iced-x86") as typeof iced;

export type Decoder = iced.Decoder;
export type FlowControl = iced.FlowControl;
export type Instruction = iced.Instruction;
export type Mnemonic = iced.Mnemonic;
export type OpKind = iced.OpKind;
export type Register = iced.Register;
