#!/bin/sh
# One disk is lost, and as soon as that is repaired another: no bytes may hang on the first one.
. "$(dirname "$0")/story.sh"
begin 'two faults in a row'
fault wipe --node node-1
check 'verify: everything is whole after the first' is_whole
fault wipe --node node-2
check 'the tree is read from what was rebuilt' tree_is_the_same
check 'verify: everything is whole after the second' is_whole
fault corrupt --node node-3
check 'every node is scrubbed' trilith scrub --wait
check 'verify --deep: flipped bits were found and repaired' is_whole --deep
check 'the tree is the same' tree_is_the_same
verdict
