package runtimeapi

import (
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Part is runtime-api as a node runs it: with the name of the relay chain.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Process: part.Process{Tuning: tuning.Profile{Threads: tuning.One}},
		Host:    true,
		Owns:    "answers about the relay chain's state after any block, remembered",
	}
}
