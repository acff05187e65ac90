// SPDX-License-Identifier: MIT
import { testQuestions } from "../support/programs.js";

testQuestions("perl", "questions.pl");
