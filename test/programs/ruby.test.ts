// SPDX-License-Identifier: MIT
import { testQuestions } from "../support/programs.js";

testQuestions("ruby", "questions.rb");
