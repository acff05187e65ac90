%% SPDX-License-Identifier: MIT
%% Processes that send each other their sums.
-module(sums).
-export([main/0]).

main() ->
    Self = self(),
    Numbers = lists:seq(1, 5),
    [spawn(fun() -> Self ! {Number, lists:sum(lists:seq(1, Number * 1000))} end) || Number <- Numbers],
    io:format("~p~n", [[receive {Number, Sum} -> Sum end || Number <- Numbers]]),
    halt(0).
