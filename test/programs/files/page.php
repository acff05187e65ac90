<?php
// SPDX-License-Identifier: MIT
// What a request says, and how often a worker was asked.
echo "sum ", array_sum(range(1, (int) $_GET["last"])), " of ", strlen(json_encode(array_fill(0, 1000, "text"))), "\n";
