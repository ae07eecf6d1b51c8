#!/bin/sh
# Every process is stopped and started in turn, the next one when all is whole again.
. "$(dirname "$0")/story.sh"
begin 'rolling restart'
load 10
for node in node-1 node-2 node-3; do
    fault stop --node "$node"
    fault heal
    check "verify: everything is whole after $node" is_whole
done
check 'no client saw an error' load_is_done
fault stop --node coordinator
fault heal
check 'the tree is the same' tree_is_the_same
check 'verify --deep: every byte is right' is_whole --deep
verdict
