#!/bin/sh
# A node gets an empty disk; all that was on it must come back, by itself.
. "$(dirname "$0")/story.sh"
begin 'wipe a disk'
fault wipe --node node-3
check 'the tree is read meanwhile' tree_is_the_same
check 'verify --deep: everything is whole again' is_whole --deep
fault kill --node node-1
check 'the tree is read with what was rebuilt' tree_is_the_same
fault heal
check 'verify: everything is whole at the end' is_whole
verdict
