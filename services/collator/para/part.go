package para

import "github.com/reevenet/reeve/overseer/part"

// Part is the role of block producers at a node. Their processes are the parachains' teams'.
func Part() part.Part {
	return part.Part{
		Spec: Declared(), Host: true, Outside: true,
		Owns: "a parachain's blocks: its team's own process, not the node's",
	}
}
