package misbehaviorarbitration

import (
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Part is misbehavior-arbitration as a node runs it: its evidence lies beside that of the relay chain's finality.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name, Disk: disk.OS{}, Dir: n.Home.Evidence(relay.Name)}), nil
		},
		Process: part.Process{Tuning: tuning.Profile{Threads: tuning.One}},
		Host:    true,
		Owns:    "evidence against validators that contradict themselves or others, on disk",
	}
}
