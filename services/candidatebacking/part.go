package candidatebacking

import (
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Part is candidate-backing as a node runs it: with the name of the relay chain.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Process: part.Process{Tuning: tuning.Profile{Threads: tuning.One}},
		Host:    true,
		Owns:    "judges candidates, counts statements to a quorum, reports who contradicts himself",
	}
}
