#!/bin/sh
# A node is killed while clients write and read; they must not notice, and it must catch up.
. "$(dirname "$0")/story.sh"
begin 'kill a node under load'
load 5
sleep 2
fault kill --node node-2
check 'the tree is read without the node' tree_is_the_same
check 'no client saw an error' load_is_done
fault heal
check 'verify: everything is whole again' is_whole
fault kill --node node-1
check 'the tree is read without another node' tree_is_the_same
fault heal
check 'verify --deep: every byte is right' is_whole --deep
verdict
